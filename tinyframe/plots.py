"""Pictures of a model: its architecture, weights, activations, saliency, and mistakes.

Each function draws on matplotlib's axes, or a new figure's, and returns them (extra `plot`):
`draw(model).figure.savefig("model.svg")`.
"""

from tinyframe.inspection.diagram import draw
from tinyframe.inspection.plots import (
    plot_activations,
    plot_confusion_matrix,
    plot_saliency,
    plot_weights,
)

__all__ = [
    "draw",
    "plot_activations",
    "plot_confusion_matrix",
    "plot_saliency",
    "plot_weights",
]
