"""The version of the package, which the files it writes name."""

__version__ = "0.2.0"
