"""Tables and columns of pandas, polars, pyarrow, … as plain arrays of numbers."""

from typing import Any

import numpy as np

from tinyframe.types import Array


def from_table(values: Any, name: str) -> Any:
    """Return what a table or a column holds, for y the numbers of categories; all else as it is.

    Raises
    ------
    TypeError
        If a column holds anything but numbers: names those that do.
    ValueError
        If there are no columns, or a row of y has no category.
    """
    if name == "y":
        values = _codes(values)
    if hasattr(values, "isna"):
        return _pandas(values, name)
    if hasattr(values, "columns") and hasattr(values, "__array__"):
        return _table(values, name)
    return values


def categories_of(y: Any) -> list[Any] | None:
    """Return the categories of a column of pandas or polars in their order; None for all else.

    Raises
    ------
    TypeError
        If polars' `Categorical` does not fix which categories there are.
    ValueError
        If they are numbers, but not 0 … n − 1 in this order: they would be taken for others.
    """
    y, kind = _column(y)
    if kind is None:
        return None
    names = list(y.cat.categories if kind == "pandas" else y.dtype.categories)
    numbers = all(isinstance(name, (int, float, np.number)) for name in names)
    if numbers and names != list(range(len(names))):
        raise ValueError(
            f"y expected categories that are names, or 0 … n − 1 in this order, got {names[:10]}; "
            "numpy.unique(y, return_inverse=True) numbers them"
        )
    return names


def _column(y: Any) -> tuple[Any, str | None]:
    """Return a column of categories and whose it is, "pandas" or "polars"; None for all else."""
    if isinstance(y, np.ndarray):  # which has neither; asking takes longer
        return y, None
    columns = getattr(y, "columns", None)
    if (
        columns is not None
        and len(columns) == 1
        and (hasattr(y, "isna") or hasattr(y, "to_dummies"))
    ):
        y = y[columns[0]]
    kind = getattr(y, "dtype", None)
    if str(kind) == "category":
        return y, "pandas"
    if hasattr(y, "to_physical"):
        if type(kind).__name__ == "Categorical":  # whose numbers are those of all such columns
            raise TypeError(
                "y expected a column of pl.Enum, which says which categories there are, got "
                "pl.Categorical: y.cast(pl.Enum(y.cast(pl.String).unique().sort()))"
            )
        if type(kind).__name__ == "Enum":
            return y, "polars"
    return y, None


def _codes(y: Any) -> Any:
    """Return a column of categories as their numbers; all else as it is.

    The names stay with the column: `y.cat.categories[model.predict(X).argmax(axis=1)]`.

    Raises
    ------
    ValueError
        If a row has none.
    """
    column, kind = _column(y)
    if kind is None:
        return y
    if kind == "pandas":
        codes = np.asarray(column.cat.codes, np.intp)
    else:
        codes = np.asarray(column.to_physical().fill_null(-1), np.intp)
    if (codes < 0).any():
        raise ValueError(f"y expected a category in each row, got none in row {codes.argmin()}")
    return codes


def _table(table: Any, name: str) -> Array:
    """Return the numbers of a table of polars, pyarrow, …; name its columns that hold none."""
    names = getattr(table, "column_names", None) or table.columns
    columns = {column: np.asarray(table[column]) for column in names}
    wrong = [f"{key!r} ({c.dtype})" for key, c in columns.items() if c.dtype.kind not in "buif"]
    if wrong:
        hint = ""
        if name == "y":
            hint = "; names of classes become labels by numpy.unique(y, return_inverse=True)[1]"
        raise TypeError(f"{name} expected columns of numbers, got {', '.join(wrong)}{hint}")
    if not columns:
        raise ValueError(f"{name} expected a table with columns, got one without")
    return np.column_stack(list(columns.values()))


def _pandas(table: Any, name: str) -> Any:
    """Return the numbers of a pandas DataFrame or Series; name its columns that hold none."""
    dtypes = table.dtypes
    columns = list(dtypes.items()) if hasattr(dtypes, "items") else [(table.name, dtypes)]
    wrong = [f"{column!r} ({dtype})" for column, dtype in columns if _kind(dtype) not in "buif"]
    if wrong:
        hint = ""
        if name == "y":
            hint = "; names of classes become labels by pandas.factorize(y, sort=True)[0]"
        raise TypeError(f"{name} expected columns of numbers, got {', '.join(wrong)}{hint}")
    if any(not isinstance(dtype, np.dtype) for _, dtype in columns):  # Float64, boolean, …
        kinds = {_kind(dtype) for _, dtype in columns}
        if "f" not in kinds and not bool(table.isna().to_numpy().any()):
            return table.to_numpy(dtype=np.int64)
        return table.to_numpy(dtype=np.float64, na_value=np.nan)
    # Booleans beside numbers would become objects.
    return table.to_numpy(dtype=np.result_type(*(dtype for _, dtype in columns or [(None, int)])))


def _kind(dtype: Any) -> str:
    """Return NumPy's letter for the kind of a pandas dtype."""
    return str(getattr(dtype, "kind", "O"))
