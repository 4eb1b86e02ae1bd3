"""ConvTranspose2D: a convolution the other way round, from small images to larger ones."""

from tinyframe.layers.convolution import Convolution
from tinyframe.layers.windows import Pair, batch_first, batch_last, image_shape, pair, row_major
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

    Examples
    --------
    >>> ConvTranspose2D(8, 2, stride=2)(np.zeros((32, 4, 14, 14))).shape
    (32, 8, 28, 28)
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
        xT = row_major(batch_last(self._input(x)))
        y = self._correlation.image(xT, self.weight.value)
        if self.use_bias:
            y += self.bias.value.reshape(-1, 1, 1, 1)
        if training:
            self._saved = xT
        return batch_first(y[:, *self._windows.inside])

    def backward(self, dy: Array) -> Array:
        image = self._differentiate(dy)
        return batch_first(self._correlation.forward(image, self.weight.value))

    def backward_parameters(self, dy: Array) -> None:
        self._differentiate(dy)

    def _differentiate(self, dy: Array) -> Array:
        """Write the gradients of the parameters, and return dy padded, batch last."""
        xT, dyT = self._recall(), self._row_major(dy)
        image = self._windows.pad(dyT)
        self._correlation.weights(image, xT, self.weight.grad)
        self._add_places(dyT)
        return image
