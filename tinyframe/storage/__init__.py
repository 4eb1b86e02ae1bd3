"""Storage: models and checkpoints as files, whole or not at all, and read back without trust.

`models.py` saves and loads, `checkpoint.py` saves and resumes training; `architecture.py` says what
a model is made of, `container.py` packs it into bytes, `files.py` puts them on the disk.
"""
