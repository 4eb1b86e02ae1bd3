"""A page a layer: what it does and how it is used, its derivation, code, proof and Jacobian.

The sentence at the head and the derivation stand in the page's file; the rest is made here.
"""

import inspect
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from layer_pictures import is_curve
from sphinx.application import Sphinx

import tinyframe
from tinyframe.layers.layer import Layer

ROOT = Path(__file__).parent.parent

EXAMPLES = {
    "Dense": ("Dense(4)", (6,)),
    "ReLU": ("ReLU()", (8,)),
    "LeakyReLU": ("LeakyReLU(0.2)", (8,)),
    "ELU": ("ELU()", (8,)),
    "GELU": ("GELU()", (8,)),
    "SiLU": ("SiLU()", (8,)),
    "Softplus": ("Softplus()", (8,)),
    "Sigmoid": ("Sigmoid()", (8,)),
    "Tanh": ("Tanh()", (8,)),
    "Softmax": ("Softmax()", (6,)),
    "LogSoftmax": ("LogSoftmax()", (6,)),
    "Rescale": ("Rescale(1 / 255)", (6,)),
    "Flatten": ("Flatten()", (2, 4)),
    "Reshape": ("Reshape(4, 2)", (8,)),
    "Permute": ("Permute(2, 1)", (3, 4)),
    "Reverse": ("Reverse()", (4, 2)),
    "Select": ("Select(0, 3, 3)", (5,)),
    "Dropout": ("Dropout(0.4)", (10,)),
    "Conv2D": ("Conv2D(2, 3)", (1, 5, 5)),
    "Conv1D": ("Conv1D(2, 3)", (8, 1)),
    "ConvTranspose2D": ("ConvTranspose2D(1, 3, stride=2)", (1, 3, 3)),
    "MaxPool2D": ("MaxPool2D(2)", (1, 6, 6)),
    "AveragePool2D": ("AveragePool2D(3, stride=2, padding=1)", (1, 6, 6)),
    "GlobalAveragePool2D": ("GlobalAveragePool2D()", (3, 3, 3)),
    "BatchNorm": ("BatchNorm()", (3,)),
    "LayerNorm": ("LayerNorm()", (2, 6)),
    "RMSNorm": ("RMSNorm()", (2, 6)),
    "Embedding": ("Embedding(5, 3)", (4,)),
    "PositionalEmbedding": ("PositionalEmbedding()", (4, 2)),
    "RNN": ("RNN(4)", (6, 3)),
    "LSTM": ("LSTM(4)", (6, 3)),
    "GRU": ("GRU(4)", (6, 3)),
    "MultiHeadAttention": ("MultiHeadAttention(2, causal=True)", (5, 4)),
    "Residual": ("Residual(Dense(6), Tanh())", (6,)),
    "Add": ("Add([Dense(4), Sequential([Dense(4), Tanh()])])", (6,)),
    "Concatenate": ("Concatenate([Dense(4), Tanh()])", (6,)),
    "Sequential": ("Sequential([Dense(5), Tanh(), Dense(3), Softmax()])", (6,)),
}
"""Each layer as its page shows it, and the sample shape it is shown with."""

TOKENS = ", x=[[0, 1, 3, 1], [4, 0, 2, 2]]"
"""What `check_layer` is told of a layer that takes tokens."""

HEAD = """
```{{eval-rst}}
.. plot::
   :alt: {alt}
   :filename-prefix: {name}-does
   :include-source: false

   from tinyframe import {imports}

   from layer_pictures import does

   does({call}, {shape})
```

## Using it

```python
import numpy as np

from tinyframe import {imports}

layer = {call}
y = layer({x})  # two samples, each {shape}
y.shape  # {output}
```

```{{eval-rst}}
.. currentmodule:: tinyframe

.. autoclass:: {name}
   :show-inheritance:
```
"""

ALTS = {
    "curve": "The curve of {name} and of its derivative",
    "Conv2D": "A digit, two kernels that find edges, and the two maps that they make of it",
    "ConvTranspose2D": "Three bright pixels, a kernel, and the larger image of three blurred spots",
    "MaxPool2D": "A digit and the smaller image of its brightest pixels",
    "AveragePool2D": "A digit and the smaller image of its means",
    "GlobalAveragePool2D": "Three channels of an image and a bar for the mean of each",
    "Conv1D": "A signal with steps, a kernel of differences, and peaks where the signal steps",
    "RNN": "A number that comes in at two times, and a state that fades from then on",
    "LSTM": "Gates that open when a number is to be remembered, and a state that keeps it",
    "GRU": "A gate that closes when a number is to be remembered, and a state that keeps it",
    "MultiHeadAttention": "A map of how much each word takes from every other, and the mixtures",
    "Softmax": "Bars of scores, and bars of the probabilities that they become",
    "LogSoftmax": "Bars of scores, and bars of the logarithms of probabilities",
    "parts": "A diagram of what the container is made of",
    "table": "Tables of numbers before and after {name}",
}

TAIL = """
## The code
{sources}
## The proof, and the picture

`check_layer` compares the whole Jacobian with central differences, and that by each parameter too.
`tests/layers/test_layers.py` does so for hypothesis-drawn shapes, values and arguments of it. The
picture is the Jacobian that backward computes, a row of it for each number of y.

```python
from tinyframe import {imports}
from tinyframe.testing import check_layer

check_layer({call}, input_shape={shape}{tokens})
```

```{{eval-rst}}
.. plot::
   :alt: The Jacobian of {name} as a matrix in colours
   :filename-prefix: {name}-jacobian
   :include-source: false

   from tinyframe import {imports}
   from tinyframe.testing import check_layer

   from jacobian_pictures import jacobian

   layer = {call}
   check_layer(layer, input_shape={shape}{tokens})
   jacobian(layer, {shape})
```
"""

SOURCE = """
```{{literalinclude}} ../../{path}
:language: python
:pyobject: {name}
```
"""


def head(name: str) -> str:
    """Return what stands above a layer's derivation: the picture, its use and its arguments."""
    call, shape = EXAMPLES[name]
    x = (
        "np.array([[0, 1, 3, 1], [4, 0, 2, 2]])"
        if name == "Embedding"
        else f"np.ones({(2, *shape)})"
    )
    kind = name if name in ALTS else "table"
    if name in CONTAINERS:
        kind = "parts"
    elif is_curve(getattr(tinyframe, name)):
        kind = "curve"
    alt = ALTS[kind].format(name=name)
    known = {"np": np, **vars(tinyframe)}
    output = eval(f"({call})({x})", known).shape  # noqa: S307 - EXAMPLES' own
    return HEAD.format(
        name=name, imports=_imports(call), call=call, shape=shape, x=x, output=output, alt=alt
    )


CONTAINERS = ("Sequential", "Residual", "Add", "Concatenate")


def _imports(call: str) -> str:
    return ", ".join(sorted(set(re.findall(r"[A-Z]\w+(?=\()", call))))


def tail(name: str) -> str:
    """Return what stands below a layer's derivation, in Markdown."""
    call, shape = EXAMPLES[name]
    kind = getattr(tinyframe, name)
    own = [
        c for c in kind.__mro__ if c.__module__.startswith("tinyframe.") and issubclass(c, Layer)
    ]
    own = [c for c in own if c.__name__ not in ("Layer", "Model", "Predictor", "Exportable")]
    sources = [
        SOURCE.format(path=Path(inspect.getfile(shown)).relative_to(ROOT), name=shown.__name__)
        for shown in [*own, *helpers(own)]
    ]
    return TAIL.format(
        name=name,
        sources="".join(sources),
        imports=_imports(call),
        call=call,
        shape=shape,
        tokens=TOKENS if name == "Embedding" else "",
    )


def helpers(classes: list[type]) -> list[Any]:
    """Return the functions that stand beside these classes in their files and that they use."""
    found: list[Any] = []
    todo: list[Any] = list(classes)
    while todo:
        user = todo.pop(0)
        beside = vars(sys.modules[user.__module__])
        for name in re.findall(r"\b\w+(?=\()", inspect.getsource(user)):
            function = inspect.unwrap(beside[name]) if callable(beside.get(name)) else None
            own = inspect.isfunction(function) and function.__module__ == user.__module__
            if own and function not in found:
                found.append(function)
                todo.append(function)
    return found


def complete(app: Sphinx, docname: str, source: list[str]) -> None:
    """Add the rest to the page of a layer."""
    folder, _, name = docname.rpartition("/")
    if folder == "layers" and name in EXAMPLES:
        first, derivation, rest = source[0].partition("\n## Derivation")
        source[0] = first + head(name) + derivation + rest + tail(name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx."""
    app.connect("source-read", complete)
    return {"parallel_read_safe": True}
