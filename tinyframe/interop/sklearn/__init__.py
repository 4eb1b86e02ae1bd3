"""Networks as scikit-learn estimators: for pipelines, grid searches and cross-validation."""

from tinyframe.utils.optional import require

require("sklearn", "sklearn", "an estimator")

from tinyframe.interop.sklearn.classifier import NetworkClassifier  # noqa: E402 - see above
from tinyframe.interop.sklearn.conversion import from_sklearn  # noqa: E402
from tinyframe.interop.sklearn.regressor import NetworkRegressor  # noqa: E402

__all__ = ["NetworkClassifier", "NetworkRegressor", "from_sklearn"]
