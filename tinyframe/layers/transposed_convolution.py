"""ConvTranspose2D: a convolution the other way round, from small images to larger ones."""

import numpy as np

from tinyframe.layers.convolution import Convolution
from tinyframe.layers.windows import Pair, batch_first, batch_last, image_shape, pair
from tinyframe.scratch import anew, contiguous
from tinyframe.types import Array, Shape


class ConvTranspose2D(Convolution):
    """y = W ⋆ᵀ x + b: each pixel of x puts its multiple of a pattern onto a larger image.

    x is (batch, channels, height, width), W (channels, filters / groups, kernel height, kernel
    width), b (filters,), y (batch, filters, height', width'). With stride s and no padding

        y_f(s u + i, s v + j) += Σ_c W_cfij x_c(u, v)       height' = s (height − 1) + kernel height

    It is the transpose of a convolution from y to x: its forward is that one's backward, and the
    other way round. Padding cuts off so much on each side; "same" makes height' = s · height.
    Source: Zeiler et al., "Deconvolutional Networks", 2010. Arguments and errors are those of
    `Convolution`.
    """

    def setup(self, input_shape: Shape) -> Shape:
        channels, *image = image_shape(self, input_shape)
        self._check_groups(channels)
        kernel = pair("kernel_size", self.kernel_size)
        larger = self._larger(image, kernel)
        windows = self._make_windows(larger, kernel)
        self._make_parameters(windows, (channels, self.filters // self.groups, *kernel))
        return (self.filters, *larger)

    def _larger(self, image: list[int], kernel: Pair) -> Pair:
        """Return height and width of y."""
        strides, dilations = pair("stride", self.stride), pair("dilation", self.dilation)
        if self.padding == "same":
            return image[0] * strides[0], image[1] * strides[1]
        cut = (0, 0) if self.padding == "valid" else pair("padding", self.padding, zero=True)
        height, width = (
            (i - 1) * s + (k - 1) * d + 1 - 2 * c
            for i, s, k, d, c in zip(image, strides, kernel, dilations, cut, strict=True)
        )
        if height < 1 or width < 1:
            raise ValueError(f"{self!r} expected less padding, got nothing left of the output")
        return height, width

    def forward(self, x: Array, training: bool = False) -> Array:
        x = np.asarray(x, self.dtype)
        if x.shape[1:] != self.input_shape:
            self._check_input(x)
        reused = self._reused if training else anew
        xT = contiguous(batch_last(x), "x", reused)
        padded = self._correlation.image(xT, self.weight.value, reused)
        if self.use_bias:
            padded += self.bias.value.reshape(-1, 1, 1, 1)
        if training:
            self._saved = xT
        return batch_first(padded[:, *self._windows.inside])

    def backward(self, dy: Array) -> Array:
        self.backward_parameters(dy)
        xT = self._recall()
        image = self._windows.pad(batch_last(np.asarray(dy, self.dtype)), self._reused)
        dxT = self._empty("dx", xT.shape, xT.dtype)
        self._correlation.forward(image, self.weight.value, dxT, self._reused)
        return batch_first(dxT)

    def backward_parameters(self, dy: Array) -> None:
        xT = self._recall()
        dyT = batch_last(np.asarray(dy, self.dtype))
        image = self._windows.pad(dyT, self._reused)
        self._correlation.weights(image, xT, self.weight.grad, self._reused)
        if self.use_bias:
            self._sum_places(contiguous(dyT, "dy", self._reused), self.bias.grad)
