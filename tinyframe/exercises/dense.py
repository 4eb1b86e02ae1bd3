"""Dense: which matrix is transposed, and what is summed."""

from tinyframe.exercises.exercise import Mistake
from tinyframe.exercises.kinds import LayerExercise

WEIGHT, BIAS = "the gradient of weight", "the gradient of bias"

DENSE = LayerExercise(
    name="dense",
    title="Dense",
    class_name="Dense",
    hints=(
        (
            "x @ W is the product of matrices; W.T is W transposed; a (units,) array added to a "
            "(rows, units) one is added to each row."
        ),
        (
            "Write the three shapes side by side. Of two matrices, each transposed or not, in one "
            "order or the other, only one product has the shape that is wanted."
        ),
        "dx = dy @ W.T. The sum over the rows r is what x.T @ … does.",
        "weight.grad = x.T @ dy, bias.grad = dy.sum(axis=0)",
    ),
    mistakes=(
        Mistake(
            "no bias",
            "b is missing: y = x W + b.",
            lambda c: {"y": c.x @ c.weight},
        ),
        Mistake(
            "the bias is taken away",
            "b is subtracted: y = x W + b.",
            lambda c: {"y": c.x @ c.weight - c.bias},
        ),
        Mistake(
            "a mean over the rows",
            "You divide by the number of rows. The loss is a mean already, so that dy is a share "
            "of it: a layer sums.",
            lambda c: {
                WEIGHT: c.x.T @ c.dy / len(c.x),
                BIAS: c.dy.mean(axis=0),
                "dx": c.dy @ c.weight.T / len(c.x),
            },
        ),
        Mistake(
            "a mean over the units",
            "You divide by the number of units; the chain rule has a sum.",
            lambda c: {"dx": c.dy @ c.weight.T / c.dy.shape[1]},
        ),
        Mistake(
            "dy is missing",
            "That is how y changes, not how L does: each term is to be multiplied by dy.",
            lambda c: {
                WEIGHT: c.x.sum(axis=0)[:, None] + 0 * c.weight,
                BIAS: 0 * c.bias + len(c.x),
                "dx": c.weight.sum(axis=1) + 0 * c.x,
            },
        ),
        Mistake(
            "x is missing",
            "∂yᵣⱼ/∂Wᵢⱼ is xᵣᵢ: the gradient of W is a sum over the rows of x times dy.",
            lambda c: {WEIGHT: c.dy.sum(axis=0) + 0 * c.weight},
        ),
        Mistake(
            "y in place of dy",
            "You multiply x by y; it is dy that says how L changes.",
            lambda c: {WEIGHT: c.x.T @ c.y, BIAS: c.y.sum(axis=0), "dx": c.y @ c.weight.T},
        ),
        Mistake(
            "one number for all units",
            "You sum over everything; each unit's bias has a sum of its own, over the rows: "
            "axis=0.",
            lambda c: {BIAS: c.dy.sum() + 0 * c.bias},
        ),
        Mistake(
            "reshaped, not transposed",
            "reshape keeps the numbers in their order; a transposed matrix, .T, has them in "
            "another.",
            lambda c: {
                WEIGHT: (c.dy.T @ c.x).reshape(c.weight.shape),
                "dx": c.dy @ c.weight.reshape(c.weight.T.shape),
            },
        ),
        Mistake(
            "one row alone",
            "It changes with one row of the batch alone: every row adds to the gradient.",
            lambda c: {
                WEIGHT: c.x[:1].T @ c.dy[:1],
                BIAS: c.dy[0],
            },
        ),
        Mistake(
            "the last row alone",
            "It changes with the last row of the batch alone: every row adds to the gradient. A "
            "loop over the rows that writes with = keeps the last.",
            lambda c: {WEIGHT: c.x[-1:].T @ c.dy[-1:], BIAS: c.dy[-1]},
        ),
        Mistake(
            "the step is taken already",
            "You write the weights after a step. `backward` writes the gradient alone; the step is "
            "the optimizer's.",
            lambda c: {WEIGHT: c.weight - c.x.T @ c.dy, BIAS: c.bias - c.dy.sum(axis=0)},
        ),
    ),
    function=lambda x, weight, bias: x @ weight + bias,
    shapes=((5, 3), (1, 2), (3, 6)),
    arguments=(4,),
    weights=lambda shape: {"weight": (shape[1], 4), "bias": (4,)},
)
