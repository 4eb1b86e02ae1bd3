"""Rows that are held out of training: validation data, given or set aside."""

from typing import Any

import numpy as np

from tinyframe.data.feed import Feed
from tinyframe.data.source import Source
from tinyframe.training.data_spec import DataSpec
from tinyframe.utils.checks import real_number


def with_validation(
    spec: DataSpec, feed: Source, data: Any, share: float | None
) -> tuple[Source, Source | None]:
    """Return the rows to train with, and those to validate with, if there are any.

    Parameters
    ----------
    spec, feed
        What the data has to fit, and all training rows.
    data, share
        `validation_data` and `validation_split`, of which one at least is None.

    Raises
    ------
    TypeError, ValueError
        If both are given, or one is not as `Model.fit` says.
    """
    if share is None:
        return feed, None if data is None else spec.validation(data)
    if data is not None or not isinstance(feed, Feed):
        raise ValueError("validation_split expected arrays, and no validation_data beside it")
    return split(feed, share)


def split(feed: Feed, share: float) -> tuple[Feed, Feed]:
    """Return a feed of most rows, and one of a share of them that is set aside.

    Parameters
    ----------
    feed
        All rows.
    share
        In (0, 1). Which rows it takes depends on their number alone.

    Raises
    ------
    TypeError, ValueError
        If it is not that, or no row is left on one side.
    """
    share = real_number("validation_split", share, above=0, below=1)
    aside = round(share * feed.rows)
    if not 0 < aside < feed.rows:
        raise ValueError(
            f"validation_split expected rows on both sides, got {aside} of {feed.rows} set aside"
        )
    order = np.random.default_rng(feed.rows).permutation(feed.rows)
    training, validation = (
        Feed(feed.X, feed.y, feed.dtype, feed.weight, np.sort(rows))
        for rows in (order[aside:], order[:aside])
    )
    return training, validation
