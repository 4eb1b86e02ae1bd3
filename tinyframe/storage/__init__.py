"""Storage: models and checkpoints as files, whole or not at all, and read back without trust.

`models.py` saves and loads models. `runs.py` saves training and resumes it, by what `run_schema.py`
asks of a file; `generators.py` keeps the states of random generators. `architecture.py` says what a
model is made of, by the classes that `registry.py` names; `container.py` packs it into bytes, and
`files.py` puts these on the disk.
"""
