"""The one error of storage."""


class StorageError(OSError):
    """A file cannot be written, or is not what it should be.

    Examples
    --------
    >>> try:
    ...     Sequential.load("nowhere.npz")
    ... except StorageError:
    ...     print("there is none")
    ...
    there is none
    """
