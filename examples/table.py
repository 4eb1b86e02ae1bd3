"""A table with categories: a network that learns a vector for each, in a scikit-learn pipeline.

    pip install -e ".[examples,sklearn]" pandas
    python examples/table.py                     train, compare with a linear model
    python examples/table.py --plot figure.png   and draw what each category changes

The table has 442 patients and how far their diabetes had gone a year later (Efron, Hastie,
Johnstone and Tibshirani, "Least Angle Regression", 2004); scikit-learn comes with it. Sex is a
category in it, given by two codes. Age is a number, which is cut into decades here to have a
category of several values. The eight measures are scaled by a `StandardScaler`; the columns whose
dtype is "category" get vectors (`Embedding`). So few patients leave little to learn beyond what a
linear model finds: expect the scores to lie close together.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from common import options_parser, parse, saved_figure
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tinyframe import Adam
from tinyframe.interop.sklearn import NetworkRegressor

CATEGORIES = ["age", "sex"]


def patients() -> tuple[pd.DataFrame, pd.Series]:
    """Return the table, its categories marked as such, and y."""
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    decade = (X["age"] // 10 * 10).astype(int)
    X["age"] = (decade.astype(str) + "s").astype("category")
    X["sex"] = X["sex"].map({1.0: "sex 1", 2.0: "sex 2"}).astype("category")
    return X, y


def with_scaled_numbers(X: pd.DataFrame, categories: Any, estimator: Any) -> Any:
    """Return a pipeline that scales numbers and y, and does with the categories as it is told."""
    columns = make_column_transformer(
        (StandardScaler(), X.columns.difference(CATEGORIES, sort=False)),
        (categories, CATEGORIES),
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    return TransformedTargetRegressor(
        make_pipeline(columns, estimator), transformer=StandardScaler()
    )


def effects(model: Any, X: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return by how much each category moves the mean prediction, if all patients had it."""
    mean = model.predict(X).mean()
    return {
        column: {
            name: model.predict(X.assign(**{column: pd.Categorical([name] * len(X))})).mean() - mean
            for name in X[column].cat.categories
        }
        for column in CATEGORIES
    }


def plot(found: dict[str, dict[str, float]], path: Path) -> None:
    """Save a figure: a bar for each category."""
    with saved_figure(path, 7, 3.2) as figure:
        parts = figure.subplots(1, 2, sharey=True, width_ratios=[3, 1])
        for axes, (column, changes) in zip(parts, found.items(), strict=True):
            axes.bar(list(changes), list(changes.values()))
            axes.axhline(0, color="black", linewidth=0.8)
            axes.set(title=column)
        parts[0].set(ylabel="change of the prediction")


def main() -> None:
    """Compare by cross-validation, tell what was learned, and draw if asked."""
    options = parse(options_parser(__doc__))
    X, y = patients()
    network = NetworkRegressor(
        (16,),
        "tanh",
        optimizer=Adam(0.003, weight_decay=0.01),
        epochs=20 if options.quick else 100,
        random_state=options.seed,
    )
    ours = with_scaled_numbers(X, "passthrough", network)
    linear = with_scaled_numbers(
        X,
        OneHotEncoder(sparse_output=False, handle_unknown="ignore"),
        RidgeCV(np.logspace(-2, 3, 20)),
    )
    folds = KFold(3 if options.quick else 10, shuffle=True, random_state=options.seed)
    for name, model in {"Network with vectors": ours, "Linear, one column each": linear}.items():
        scores = cross_val_score(model, X, y, cv=folds)
        print(f"{name}: R² {scores.mean():.3f} in cross-validation, ± {scores.std():.3f}")
    print(f"\n{ours.fit(X, y).regressor_[-1].model_.summary()}\n")
    found = effects(ours, X)
    for column, changes in found.items():
        print(f"{column}:", ", ".join(f"{name} {change:+.1f}" for name, change in changes.items()))
    if options.plot:
        plot(found, options.plot)


if __name__ == "__main__":
    main()
