"""Pictures of a model: its architecture, weights, activations, gradients, saliency, and mistakes.

Each function draws on matplotlib's axes, or a new figure's, and returns them (extra `plot`):
`draw(model).figure.savefig("model.svg")`. New figures are in one style, whatever the parameters of
matplotlib are, and leave these alone: dark ink on opaque white, colours that all readers can tell
apart. To draw your own like them: `pyplot.style.use(STYLE)`, and the colours and maps by name.
"""

from tinyframe.inspection.confusion import plot_confusion_matrix
from tinyframe.inspection.diagram import draw
from tinyframe.inspection.flow import plot_flow
from tinyframe.inspection.plots import plot_activations, plot_saliency, plot_weights
from tinyframe.utils.drawing import IMAGES, INK, PALETTE, QUIET, SHARES, SIGNED, STYLE

__all__ = [
    "IMAGES",
    "INK",
    "PALETTE",
    "QUIET",
    "SHARES",
    "SIGNED",
    "STYLE",
    "draw",
    "plot_activations",
    "plot_confusion_matrix",
    "plot_flow",
    "plot_saliency",
    "plot_weights",
]
