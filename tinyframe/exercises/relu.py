"""ReLU: a slope of 0 or 1."""

import numpy as np

from tinyframe.exercises.exercise import Mistake
from tinyframe.exercises.kinds import LayerExercise

RELU = LayerExercise(
    name="relu",
    title="ReLU",
    class_name="ReLU",
    hints=(
        "np.maximum(a, b) is the larger of two numbers, for each place of two arrays.",
        "The slope is 1 where x > 0 and 0 where x < 0; (x > 0) is that, as True and False.",
        "dx = dy * (x > 0)",
    ),
    mistakes=(
        Mistake(
            "the other half",
            "What is negative passes, what is positive is stopped: the other way round.",
            lambda c: {"y": np.minimum(c.x, 0), "dx": c.dy * (c.x < 0)},
        ),
        Mistake(
            "the size in place of the positive part",
            "|x| turns what is negative round; ReLU stops it.",
            lambda c: {"y": np.abs(c.x), "dx": c.dy * np.sign(c.x)},
        ),
        Mistake(
            "the mask alone",
            "(x > 0) says where something passes; it has to be multiplied by what passes: in "
            "forward by x, in backward by dy.",
            lambda c: {"y": c.x > 0, "dx": c.x > 0},
        ),
        Mistake(
            "a slope on the other side",
            "What is negative becomes 0; yours lets a hundredth through, as LeakyReLU does.",
            lambda c: {
                "y": np.where(c.x > 0, c.x, 0.01 * c.x),
                "dx": c.dy * np.where(c.x > 0, 1, 0.01),
            },
        ),
        Mistake(
            "1 in place of 0",
            "The corner is at 0: compare x with 0.",
            lambda c: {"y": np.maximum(c.x, 1), "dx": c.dy * (c.x > 1)},
        ),
        Mistake(
            "forward once more",
            "That is y. `backward` returns dx: dy times the slope of y.",
            lambda c: {"dx": np.maximum(c.x, 0)},
        ),
        Mistake(
            "x as it came",
            "Nothing is stopped: y is x.",
            lambda c: {"y": c.x},
        ),
        Mistake(
            "no mask",
            "You return dy: where x < 0 the output is 0 whatever x is, so L does not change with "
            "x.",
            lambda c: {"dx": c.dy},
        ),
        Mistake(
            "the mask of dy",
            "You stop what is negative in dy. What counts is where x was negative, in forward: a "
            "negative dy passes where x was positive.",
            lambda c: {"dx": np.maximum(c.dy, 0)},
        ),
        Mistake(
            "both masks",
            "You also stop what is negative in dy; only where x was negative is the slope 0.",
            lambda c: {"dx": np.maximum(c.dy, 0) * (c.x > 0)},
        ),
        Mistake(
            "y in place of its slope",
            "You multiply dy by y = max(x, 0); the chain rule wants its derivative, which is 0 "
            "or 1.",
            lambda c: {"dx": c.dy * np.maximum(c.x, 0)},
        ),
        Mistake(
            "x in place of its slope",
            "You multiply dy by x; the chain rule wants the derivative of y, which is 0 or 1.",
            lambda c: {"dx": c.dy * c.x},
        ),
    ),
    function=lambda x: np.maximum(x, 0),
    shapes=((5, 3), (1, 2), (2, 2, 3)),
)
