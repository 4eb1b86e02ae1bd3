"""Predictions of many rows: of the document's network, a larger one, and LeNet-5.

`rows10`: 60,000 rows of 784 → 10 → 10. `rows512`: of 784 → 512 → 512 → 10. `images`: 10,000 images.
`frozen1`: 1,000 single rows by `model.predictor()`. Each function is (data) → a function that does
one unit of the work, as in systems.py.
"""

from itertools import pairwise

import numpy as np
from architectures import tinyframe_lenet, torch_lenet
from systems import dense_network, numpy_forward

SMALL, LARGE, IMAGES = (784, 10, 10), (784, 512, 512, 10), 10_000


def built(sizes):
    """Return tinyframe's model; LeNet-5 where there are no sizes."""
    model = dense_network(sizes) if sizes else tinyframe_lenet()
    model.build((784,), rng=0)
    return model


def rows(data, sizes):
    return data.X if sizes else data.X[:IMAGES]


def tinyframe(sizes):
    def prepare(data):
        model, X = built(sizes), rows(data, sizes)
        return lambda: model.predict(X)

    return prepare


def frozen(data):
    predict = built(SMALL).predictor()

    def unit():
        for i in range(1000):
            predict(data.X[i : i + 1])

    return unit


def numpy_rows(sizes):
    def prepare(data):
        forward = numpy_forward(sizes)
        return lambda: forward(data.X)

    return prepare


def numpy_single(data):
    forward = numpy_forward(SMALL)

    def unit():
        for i in range(1000):
            forward(data.X[i : i + 1])

    return unit


def torch(sizes):
    def prepare(data):
        import torch
        from torch import nn

        layers = []
        for i, o in pairwise(sizes or ()):
            layers += [nn.Linear(i, o), nn.ReLU()]
        net = nn.Sequential(*layers[:-1], nn.Softmax(1)) if sizes else torch_lenet()
        net.eval()
        X = torch.from_numpy(rows(data, sizes))

        def unit():
            with torch.inference_mode():
                net(X)

        return unit

    return prepare


def onnx_runtime(sizes):
    def prepare(data):
        import onnxruntime

        from tinyframe.interop.onnx import to_onnx

        session = onnxruntime.InferenceSession(
            to_onnx(built(sizes)).SerializeToString(), providers=["CPUExecutionProvider"]
        )
        name, X = session.get_inputs()[0].name, rows(data, sizes)
        return lambda: session.run(None, {name: np.ascontiguousarray(X)})

    return prepare


def onnx_single(data):
    import onnxruntime

    from tinyframe.interop.onnx import to_onnx

    session = onnxruntime.InferenceSession(
        to_onnx(built(SMALL)).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name

    def unit():
        for i in range(1000):
            session.run(None, {name: data.X[i : i + 1]})

    return unit


def systems(sizes):
    found = {"tinyframe": tinyframe(sizes), "PyTorch": torch(sizes)}
    if sizes:
        found["NumPy by hand"] = numpy_rows(sizes)
    return found | {"ONNX Runtime": onnx_runtime(sizes)}


PREDICTIONS = {
    "frozen1": {
        "tinyframe": frozen, "NumPy by hand": numpy_single, "ONNX Runtime": onnx_single,
    },
    "rows10": systems(SMALL), "rows512": systems(LARGE), "images": systems(None),
}  # fmt: skip
