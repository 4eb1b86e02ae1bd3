"""PyTorch's twins of our layers: modules with the same weights, and which weight is which."""

from functools import singledispatch

import numpy as np
import torch
from torch import nn

import tinyframe as tf


class Twin:
    """A module, and for each of our parameters its tensor and how their shapes correspond."""

    def __init__(self, module, *links):
        self.module, self.links = module, links
        with torch.no_grad():
            for parameter, tensor, theirs, _ in links:
                tensor.copy_(torch.tensor(theirs(parameter.value.copy())))


class Lambda(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def link(parameter, tensor, theirs=lambda a: a, ours=lambda a: a):
    return parameter, tensor, theirs, ours


def transposed(parameter, tensor):
    return link(parameter, tensor, lambda a: a.T, lambda a: a.T)


@singledispatch
def twin(layer):
    name = {
        "ReLU": "ReLU",
        "Sigmoid": "Sigmoid",
        "Tanh": "Tanh",
        "SiLU": "SiLU",
        "Softplus": "Softplus",
    }
    return Twin(getattr(nn, name[type(layer).__name__])())


@twin.register
def _(layer: tf.Flatten):
    return Twin(nn.Flatten())


@twin.register
def _(layer: tf.Reshape):
    return Twin(Lambda(lambda x: x.reshape(len(x), *layer.output_shape)))


@twin.register
def _(layer: tf.Reverse):
    return Twin(Lambda(lambda x: x.flip(layer.axis)))


@twin.register
def _(layer: tf.Select):
    return Twin(Lambda(lambda x: x[..., layer.columns]))


@twin.register
def _(layer: tf.LeakyReLU):
    return Twin(nn.LeakyReLU(layer.slope))


@twin.register
def _(layer: tf.ELU):
    return Twin(nn.ELU(layer.alpha))


@twin.register
def _(layer: tf.GELU):
    return Twin(nn.GELU("tanh"))


@twin.register
def _(layer: tf.Softmax):
    return Twin(nn.Softmax(layer.axis))


@twin.register
def _(layer: tf.LogSoftmax):
    return Twin(nn.LogSoftmax(layer.axis))


@twin.register
def _(layer: tf.Dense):
    module = nn.Linear(*layer.weight.shape, bias=layer.use_bias)
    links = [transposed(layer.weight, module.weight)]
    return Twin(module, *links, *([link(layer.bias, module.bias)] if layer.use_bias else []))


def pad_same(layer, module):
    """PyTorch has no "same" with a stride: pad before, as our windows do."""
    (top, bottom), (left, right) = layer._windows.pads
    return nn.Sequential(nn.ZeroPad2d((left, right, top, bottom)), module)


@twin.register
def _(layer: tf.Conv2D):
    module = nn.Conv2d(
        layer.input_shape[0], layer.filters, layer.kernel_size, layer.stride, 0, layer.dilation,
        layer.groups, layer.use_bias,
    )  # fmt: skip
    links = [link(layer.weight, module.weight)]
    links += [link(layer.bias, module.bias)] if layer.use_bias else []
    return Twin(pad_same(layer, module), *links)


@twin.register
def _(layer: tf.Conv1D):
    (_, (left, right)) = layer._windows.pads
    module = nn.Conv1d(
        layer.input_shape[1], layer.filters, layer.kernel_size, layer.stride, 0, layer.dilation,
        layer.groups,
    )  # fmt: skip
    swap = Lambda(lambda x: x.transpose(1, 2))
    whole = nn.Sequential(swap, nn.ConstantPad1d((left, right), 0.0), module, swap)
    return Twin(whole, link(layer.weight, module.weight), link(layer.bias, module.bias))


@twin.register
def _(layer: tf.ConvTranspose2D):
    padding = 0 if layer.padding == "valid" else layer.padding
    module = nn.ConvTranspose2d(
        layer.input_shape[0], layer.filters, layer.kernel_size, layer.stride, padding, 0,
        layer.groups, dilation=layer.dilation,
    )  # fmt: skip
    return Twin(module, link(layer.weight, module.weight), link(layer.bias, module.bias))


@twin.register
def _(layer: tf.MaxPool2D):
    return Twin(nn.MaxPool2d(layer.pool_size, layer.stride, layer._windows.pads[0][0]))


@twin.register
def _(layer: tf.AveragePool2D):
    side = layer._windows.pads[0][0]
    return Twin(nn.AvgPool2d(layer.pool_size, layer.stride, side, count_include_pad=False))


@twin.register
def _(layer: tf.GlobalAveragePool2D):
    return Twin(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))


@twin.register
def _(layer: tf.BatchNorm):
    kind = nn.BatchNorm2d if len(layer.input_shape) == 3 else nn.BatchNorm1d
    module = kind(layer.input_shape[0], layer.epsilon, layer.momentum)
    return Twin(module, link(layer.gain, module.weight), link(layer.bias, module.bias))


@twin.register
def _(layer: tf.LayerNorm):
    module = nn.LayerNorm(layer.input_shape[-1], layer.epsilon)
    return Twin(module, link(layer.gain, module.weight), link(layer.bias, module.bias))


@twin.register
def _(layer: tf.RMSNorm):
    module = nn.RMSNorm(layer.input_shape[-1], layer.epsilon)
    return Twin(module, link(layer.gain, module.weight))


@twin.register
def _(layer: tf.Embedding):
    module = nn.Embedding(layer.vocabulary, layer.width)
    return Twin(module, link(layer.weight, module.weight))


@twin.register
def _(layer: tf.PositionalEmbedding):
    class Positions(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(layer.input_shape))

        def forward(self, x):
            return x + self.weight

    module = Positions()
    return Twin(module, link(layer.weight, module.weight))


def recurrent(layer, kind, **options):
    module = kind(layer.input_shape[1], layer.units, batch_first=True, **options)
    with torch.no_grad():
        module.bias_hh_l0.zero_()
    whole = nn.Sequential(module, Lambda(lambda y: y[0] if layer.return_sequences else y[0][:, -1]))
    links = [
        transposed(layer.weight, module.weight_ih_l0),
        transposed(layer.recurrent_weight, module.weight_hh_l0),
        link(layer.bias, module.bias_ih_l0),
    ]
    return module, whole, links


@twin.register(tf.RNN)
@twin.register(tf.LSTM)
def _(layer):
    module, whole, links = recurrent(layer, getattr(nn, type(layer).__name__))
    module.bias_hh_l0.requires_grad_(False)  # we have one bias where they have two
    return Twin(whole, *links)


@twin.register
def _(layer: tf.GRU):
    module, whole, links = recurrent(layer, nn.GRU)
    bias, u = module.bias_hh_l0, layer.units
    only_ours = torch.cat([torch.zeros(2 * u), torch.ones(u)])
    bias.register_hook(lambda gradient: gradient * only_ours)
    theirs = lambda ours: torch.cat([torch.zeros(2 * u), torch.tensor(ours)]).numpy()  # noqa: E731
    return Twin(whole, *links, link(layer.recurrent_bias, bias, theirs, lambda a: a[2 * u :]))


@twin.register
def _(layer: tf.MultiHeadAttention):
    time, features = layer.input_shape
    module = nn.MultiheadAttention(features, layer.heads, batch_first=True)
    mask = torch.full((time, time), -torch.inf).triu(1) if layer.causal else None
    whole = Lambda(lambda x: module(x, x, x, attn_mask=mask, need_weights=False)[0])
    whole.module = module
    return Twin(
        whole,
        transposed(layer.weight, module.in_proj_weight),
        link(layer.bias, module.in_proj_bias),
        transposed(layer.output_weight, module.out_proj.weight),
        link(layer.output_bias, module.out_proj.bias),
    )


class Branches(nn.Module):
    def __init__(self, modules, join):
        super().__init__()
        self.branches, self.join = nn.ModuleList(modules), join

    def forward(self, x):
        return self.join([branch(x) for branch in self.branches])


def branches(layers, join):
    twins = [twin(layer) for layer in layers]
    return Twin(Branches([t.module for t in twins], join), *(k for t in twins for k in t.links))


@twin.register
def _(layer: tf.Residual):
    chain = tf.Sequential(layer.layers)
    return branches([chain, layer.shortcut or tf.LeakyReLU(1.0)], sum)


@twin.register
def _(layer: tf.Add):
    return branches(layer.branches, sum)


@twin.register
def _(layer: tf.Concatenate):
    return branches(layer.branches, lambda parts: torch.cat(parts, layer.axis))


@twin.register
def _(layer: tf.Sequential):
    twins = [twin(part) for part in layer.layers]
    return Twin(nn.Sequential(*(t.module for t in twins)), *(k for t in twins for k in t.links))


IMAGE, SEQUENCE = (4, 9, 8), (6, 8)


CASES = {  # also those of test_torch_weights.py
    "Dense": (lambda: tf.Dense(5), (7,)),
    "Dense on sequences, no bias": (lambda: tf.Dense(5, use_bias=False), SEQUENCE),
    "ReLU": (tf.ReLU, (7,)),
    "Reverse": (tf.Reverse, IMAGE),
    "Select": (lambda: tf.Select(3, 0, 3, -1), SEQUENCE),
    "LeakyReLU": (lambda: tf.LeakyReLU(0.2), (7,)),
    "ELU": (lambda: tf.ELU(1.5), (7,)),
    "GELU": (tf.GELU, (7,)),
    "SiLU": (tf.SiLU, (7,)),
    "Softplus": (tf.Softplus, (7,)),
    "Sigmoid": (tf.Sigmoid, (7,)),
    "Tanh": (tf.Tanh, (7,)),
    "Softmax": (tf.Softmax, (7,)),
    "Softmax over channels": (lambda: tf.Softmax(1), IMAGE),
    "LogSoftmax": (tf.LogSoftmax, SEQUENCE),
    "Conv2D": (lambda: tf.Conv2D(6, 3), IMAGE),
    "Conv2D, same, stride 2": (lambda: tf.Conv2D(6, 3, stride=2, padding="same"), IMAGE),
    "Conv2D, padded, dilated, in groups": (
        lambda: tf.Conv2D(
            6, (3, 2), padding=(1, 2), dilation=2, groups=2, use_bias=False,
        ), IMAGE,
    ),
    "Conv2D, depthwise": (lambda: tf.Conv2D(8, 3, groups=4), IMAGE),
    "Conv2D, 1×1": (lambda: tf.Conv2D(3, 1), IMAGE),
    "Conv1D": (lambda: tf.Conv1D(6, 3, stride=2, padding="same", groups=2), SEQUENCE),
    "ConvTranspose2D": (lambda: tf.ConvTranspose2D(6, 3, stride=2, padding=1, groups=2), IMAGE),
    "Conv1D with padding": (lambda: tf.Conv1D(6, 3, padding=1, dilation=2), SEQUENCE),
    "MaxPool2D": (lambda: tf.MaxPool2D(2), IMAGE),
    "MaxPool2D, overlapping": (lambda: tf.MaxPool2D(3, 2, 1), IMAGE),
    "AveragePool2D": (lambda: tf.AveragePool2D(3, 2, 1), IMAGE),
    "GlobalAveragePool2D": (tf.GlobalAveragePool2D, IMAGE),
    "BatchNorm": (tf.BatchNorm, (7,)),
    "BatchNorm of images": (tf.BatchNorm, IMAGE),
    "LayerNorm": (tf.LayerNorm, SEQUENCE),
    "RMSNorm": (tf.RMSNorm, SEQUENCE),
    "PositionalEmbedding": (tf.PositionalEmbedding, SEQUENCE),
    "RNN": (lambda: tf.RNN(5), SEQUENCE),
    "LSTM": (lambda: tf.LSTM(5, return_sequences=True), SEQUENCE),
    "GRU": (lambda: tf.GRU(5), SEQUENCE),
    "bidirectional": (
        lambda: tf.Concatenate(tf.LSTM(5), tf.Sequential(tf.Reverse(), tf.LSTM(4))), SEQUENCE,
    ),
    "MultiHeadAttention": (lambda: tf.MultiHeadAttention(2), SEQUENCE),
    "MultiHeadAttention, causal": (lambda: tf.MultiHeadAttention(4, causal=True), SEQUENCE),
    "Residual block": (
        lambda: tf.Residual(
            # A bias before BatchNorm has no effect: its gradient is rounding alone, in both.
            tf.Conv2D(5, 3, padding="same", use_bias=False), tf.BatchNorm(), tf.ReLU(),
            shortcut=tf.Conv2D(5, 1),
        ),
        IMAGE,
    ),
    "Inception block": (
        lambda: tf.Concatenate([tf.Conv2D(2, 1), tf.Conv2D(3, 3, padding="same")]), IMAGE,
    ),
    "Transformer block": (
        lambda: tf.Sequential([
            tf.Residual(tf.LayerNorm(), tf.MultiHeadAttention(2, causal=True)),
            tf.Residual(tf.LayerNorm(), tf.Dense(16), tf.GELU(), tf.Dense(8)),
        ]),
        SEQUENCE,
    ),
    "Add": (lambda: tf.Add([tf.Dense(3), tf.Dense(3)]), (7,)),
}  # fmt: skip


def close(ours, theirs, tolerance=1e-5):
    theirs = theirs.detach().numpy() if isinstance(theirs, torch.Tensor) else theirs
    np.testing.assert_allclose(
        ours, theirs, rtol=tolerance, atol=tolerance * max(1, abs(theirs).max())
    )
