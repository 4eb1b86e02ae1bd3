"""What goes up a model and comes down again, for one sample: values, and ∂L by each of them."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tinyframe.inspection.activations import layer_name
from tinyframe.inspection.copies import frozen_copy
from tinyframe.inspection.gradients import Passes, passes
from tinyframe.inspection.plots import draw_output, one_row
from tinyframe.layers import Dense, Flatten, ReLU, Rescale, Sigmoid, Softmax, Tanh
from tinyframe.layers.layer import Layer
from tinyframe.losses import CrossEntropyLoss, LossLike, MSELoss
from tinyframe.utils.drawing import figure_for
from tinyframe.utils.reprs import shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tinyframe.model import Model

EQUATIONS: dict[type[Layer], tuple[str, str]] = {
    Dense: ("Wᵀ{x} + b", "W {dy}"),
    ReLU: ("max({x}, 0)", "1{{{x} > 0}} · {dy}"),
    Sigmoid: ("1 / (1 + exp(−{x}))", "{y} (1 − {y}) · {dy}"),
    Tanh: ("tanh {x}", "(1 − {y}²) · {dy}"),
    Softmax: ("exp {x} / Σ exp {x}", "{y} · ({dy} − Σ {dy} · {y})"),
    Rescale: ("scale · {x}", "scale · {dy}"),
    Flatten: ("{x}, in a row", "{dy}, in its shape"),
}
"""What a layer makes of x, and of ∂L/∂y, which gives ∂L/∂x."""

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def plot_flow(
    model: "Model",
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    loss: LossLike | None = None,
    figure: "Figure | None" = None,
) -> "Figure":
    """Draw how one sample goes through a model, and how the gradient of its loss comes back.

    On the left the output yₙ of each layer, from the first down to the last; on the right ∂L/∂yₙ,
    from the last up to the first, red where more of it costs more, blue where it costs less. Above
    each stands the equation that it comes from. Layers behave as in `predict`.

    Parameters
    ----------
    model
        A built model.
    x : array of shape input_shape, or (1, *input_shape)
        One sample, `X[0]` or `X[:1]`.
    y
        Its target t, as `fit` takes it: `y[0]` or `y[:1]`.
    loss
        By default that of the last fit, at first `MSELoss()`.
    figure
        Where to draw; by default a new one.

    Raises
    ------
    TypeError, ValueError
        If an argument is not that, or the model is not built.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> from tinyframe.plots import plot_flow
    >>> model = Sequential([Dense(4, 3), ReLU(), Dense(2)])
    >>> figure = plot_flow(model, np.ones(4), np.ones(2), loss="mse")
    """
    row = one_row(model, x, "plot_flow")
    target = np.asarray(y)
    if target.shape[:1] != (1,) or (np.ndim(x) < row.ndim and target.shape == model.output_shape):
        target = target[np.newaxis]
    layers = model._chain()  # noqa: SLF001 - what training sees, too
    found = passes(frozen_copy(model), row, target, loss)
    with figure_for(figure, (9, 1.3 * len(found.layers) + 0.4)) as drawn_on:
        drawn_on.suptitle(f"{type(found.loss).__name__}: L = {found.value:.4g}")
        lines: Any = drawn_on.subfigures(len(found.layers), 2, squeeze=False)
        for number, (down, up) in enumerate(lines):
            name = shortened(layer_name(number, layers[number]))
            _title(down, f"{name}    {_value(found, number)}")
            draw_output(down, found.outputs[number][0], fewest=4)
            gradient = found.gradients[number]
            _title(up, _gradient(found, number))
            if gradient is not None:
                draw_output(up, gradient[0], fewest=4, signed=True)
        return drawn_on


def _symbol(number: int) -> str:
    """Return what the output of a layer is called; that of none is x."""
    return "y" + str(number).translate(SUBSCRIPTS) if number >= 0 else "x"


def _value(found: Passes, number: int) -> str:
    """Return the equation of a layer's output."""
    layer, x = found.layers[number], _symbol(number - 1)
    forward, _ = EQUATIONS.get(type(layer), (f"{type(layer).__name__}({{x}})", ""))
    return f"{_symbol(number)} = {forward.format(x=x)}"


def _gradient(found: Passes, number: int) -> str:
    """Return the equation of the derivative by a layer's output."""
    own, above = _symbol(number), number + 1
    if found.gradients[number] is None:
        return f"taken together with the loss: see ∂L/∂{_symbol(number - 1)}"
    if above == len(found.layers) or found.gradients[above] is None:
        return f"∂L/∂{own} = {_of_loss(found, own, above)}"
    layer, y = found.layers[above], _symbol(above)
    _, backward = EQUATIONS.get(type(layer), ("", f"{{dy}} · ∂{y}/∂{own}"))
    return f"∂L/∂{own} = {backward.format(x=own, y=y, dy=f'∂L/∂{y}')}"


def _of_loss(found: Passes, y: str, above: int) -> str:
    """Return the derivative of the loss by y, the last output that it is differentiated by."""
    if type(found.loss) is MSELoss:
        return f"2 ({y} − t)"
    if type(found.loss) is CrossEntropyLoss and above < len(found.layers):  # a Softmax
        return f"{_symbol(above)} − t"
    return f"derivative of {type(found.loss).__name__}"


def _title(panel: Any, text: str) -> None:
    panel.suptitle(text, fontsize="small", x=0.01, ha="left")
