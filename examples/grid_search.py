"""A network in a scikit-learn pipeline: grid search on a table of tumours.

    pip install -e ".[examples,sklearn]"
    python examples/grid_search.py                     search, report the best network
    python examples/grid_search.py --plot figure.png   and draw the scores

The table has 569 breast tumours, 30 measures of each, and whether it was malignant (Wolberg,
Mangasarian and Street, Wisconsin Diagnostic Breast Cancer, 1995); scikit-learn comes with it.
Learning rate and hidden layers are chosen by five-fold cross-validation, the scaling inside of it.
"""

from pathlib import Path

import numpy as np
from common import options_parser, parse, saved_figure
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import classification_report
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tinyframe.interop.sklearn import NetworkClassifier
from tinyframe.plots import INK, SHARES

RATES = [1e-4, 1e-3, 1e-2, 1e-1]
HIDDEN = [(4,), (32,), (32, 32)]


def plot(scores: np.ndarray, path: Path) -> None:
    """Save a figure: mean accuracy (hidden layers, rates) over the folds."""
    with saved_figure(path, 6, 3.2) as figure:
        axes = figure.subplots()
        image = axes.imshow(scores, cmap=SHARES, aspect="auto")
        for row, column in np.ndindex(scores.shape):
            dark = scores[row, column] > (scores.min() + scores.max()) / 2
            colour = "white" if dark else INK
            text = f"{scores[row, column]:.1%}"
            axes.text(column, row, text, ha="center", va="center", color=colour)
        axes.set_xticks(range(len(RATES)), [f"{rate:g}" for rate in RATES])
        axes.set_yticks(range(len(HIDDEN)), [", ".join(map(str, hidden)) for hidden in HIDDEN])
        axes.set(xlabel="learning rate", ylabel="hidden units")
        figure.colorbar(image, label="accuracy in cross-validation")


def main() -> None:
    """Search, report on tumours set aside, and draw if asked."""
    options = parse(options_parser(__doc__))
    table = load_breast_cancer()
    names = table.target_names[table.target]
    X, X_test, y, y_test = train_test_split(
        table.data, names, stratify=names, random_state=options.seed
    )
    network = NetworkClassifier(epochs=10 if options.quick else 100, random_state=options.seed)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), network),
        {
            "networkclassifier__hidden_layer_sizes": HIDDEN,
            "networkclassifier__optimizer__learning_rate": RATES,
        },
        cv=2 if options.quick else 5,
        n_jobs=-1,
    ).fit(X, y)
    best = {name.rpartition("__")[2]: value for name, value in search.best_params_.items()}
    print(f"Best of {len(search.cv_results_['params'])}: {best}")
    print(f"Accuracy in cross-validation: {search.best_score_:.1%}\n")
    print(classification_report(y_test, search.predict(X_test)))
    print(f"Test accuracy: {search.score(X_test, y_test):.2%}")
    print(search.best_estimator_[-1].model_.summary())
    if options.plot:
        plot(search.cv_results_["mean_test_score"].reshape(len(HIDDEN), -1), options.plot)


if __name__ == "__main__":
    main()
