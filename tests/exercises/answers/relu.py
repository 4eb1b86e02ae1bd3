"""Answers to Exercise 1, ReLU, as students write them."""

import numpy as np

from tinyframe import Layer


class Right1(Layer):
    def forward(self, x, training=False):
        if training:
            self._saved = x
        return np.maximum(x, 0)

    def backward(self, dy):
        x = self._saved
        return dy * (x > 0)


class Right2(Layer):
    """Save which numbers were positive, and choose by them."""

    def forward(self, x, training=False):
        positive = x > 0
        if training:
            self._saved = positive
        return np.where(positive, x, 0)

    def backward(self, dy):
        return np.where(self._saved, dy, 0)


class Right3(Layer):
    """Set what is negative to zero, in copies; save y, which is positive where x is."""

    def forward(self, x, training=False):
        y = x.copy()
        y[y < 0] = 0
        if training:
            self._saved = y
        return y

    def backward(self, dy):
        y = self._saved
        dx = dy.copy()
        dx[y == 0] = 0
        return dx


class Right4(Layer):
    """(x + |x|) / 2, with the slope 1 at 0 too: the sheet leaves that open."""

    def forward(self, x, training=False):
        if training:
            self._saved = x
        return (x + abs(x)) / 2

    def backward(self, dy):
        x = self._saved
        return dy * np.heaviside(x, 1).astype(dy.dtype)


class Right5(Layer):
    """Number by number, in loops."""

    def forward(self, x, training=False):
        if training:
            self._saved = x
        y = np.zeros_like(x)
        for place in np.ndindex(x.shape):
            y[place] = max(x[place], 0)
        return y

    def backward(self, dy):
        x = self._saved
        dx = np.zeros_like(dy)
        for place in np.ndindex(x.shape):
            if x[place] > 0:
                dx[place] = dy[place]
        return dx


class PassesAll(Right1):
    """Let all of dy pass, as if the slope were 1 everywhere."""

    mistake = "no mask"

    def backward(self, dy):
        return dy.copy()


class AsksTheSignOfDy(Right1):
    """Stopped what is negative in dy, not in x."""

    mistake = "the mask of dy"

    def backward(self, dy):
        return np.maximum(dy, 0)


class StopsBoth(Right1):
    """Stopped what is negative in x or in dy."""

    mistake = "both masks"

    def backward(self, dy):
        x = self._saved
        return np.maximum(dy, 0) * (x > 0)


class ReturnsX(Right1):
    """Stopped nothing in forward."""

    mistake = "x as it came"

    def forward(self, x, training=False):
        if training:
            self._saved = x
        return x.copy()


class SlopeAlone(Right1):
    """Returned the slope, and forgot the dy of the chain rule."""

    mistake = "the mask alone"

    def backward(self, dy):
        x = self._saved
        return (x > 0).astype(x.dtype)


class TimesY(Right1):
    """Multiplied dy by y, not by the slope of y."""

    mistake = "y in place of its slope"

    def backward(self, dy):
        x = self._saved
        return dy * np.maximum(x, 0)


class TimesX(Right1):
    """Multiplied dy by x."""

    mistake = "x in place of its slope"

    def backward(self, dy):
        x = self._saved
        return dy * x


class ReluOfX(Right1):
    """Answered with y again."""

    mistake = "forward once more"

    def backward(self, dy):
        x = self._saved
        return np.maximum(x, 0)


class PassesTheNegative(Right1):
    """Turned the comparison round."""

    mistake = "the other half"

    def backward(self, dy):
        x = self._saved
        return dy * (x < 0)


class SlopeMinusOne(Right1):
    """Gave what is negative the slope −1, which is |x|'s."""

    mistake = "the size in place of the positive part"

    def backward(self, dy):
        x = self._saved
        return dy * np.sign(x)


class ComparesWithOne(Right1):
    """Asked for x > 1."""

    mistake = "1 in place of 0"

    def backward(self, dy):
        x = self._saved
        return dy * (x > 1)


class AbsoluteValue(Right1):
    """Turned the negative numbers round instead of stopping them."""

    mistake = "the size in place of the positive part"

    def forward(self, x, training=False):
        if training:
            self._saved = x
        return abs(x)


class Minimum(Right1):
    """Wrote minimum for maximum."""

    mistake = "the other half"

    def forward(self, x, training=False):
        if training:
            self._saved = x
        return np.minimum(x, 0)


class MaximumAlongAnAxis(Right1):
    """Wrote np.max(x, 0), where 0 is the axis."""

    mistake = None

    def forward(self, x, training=False):
        if training:
            self._saved = x
        return np.max(x, 0)


class PythonsMax(Right1):
    """Wrote Python's max, which takes no arrays."""

    mistake = "a question to a whole array"

    def forward(self, x, training=False):
        if training:
            self._saved = x
        return max(x, 0)


class MaskForY(Right1):
    """Returned whether x is positive, and not x."""

    mistake = "the mask alone"

    def forward(self, x, training=False):
        if training:
            self._saved = x
        return (x > 0).astype(x.dtype)


class Leaky(Right1):
    """Let a hundredth of the negative numbers pass: LeakyReLU."""

    mistake = "a slope on the other side"

    def forward(self, x, training=False):
        if training:
            self._saved = x
        return np.where(x > 0, x, 0.01 * x)

    def backward(self, dy):
        x = self._saved
        return np.where(x > 0, dy, 0.01 * dy)


class WritesIntoX(Right1):
    """Set the negative numbers of x itself to zero."""

    mistake = "it writes to what is not its own"

    def forward(self, x, training=False):
        if training:
            self._saved = x
        x[x < 0] = 0
        return x


class WritesIntoDy(Right1):
    """Set numbers of dy itself to zero."""

    mistake = "it writes to what is not its own"

    def backward(self, dy):
        x = self._saved
        dy[x <= 0] = 0
        return dy


class ForgetsToReturn(Right1):
    """Forgot the return of backward."""

    mistake = "nothing is returned"

    def backward(self, dy):
        x = self._saved
        dy * (x > 0)


class SavesNothing(Right1):
    """Kept nothing in forward."""

    mistake = "nothing saved"

    def forward(self, x, training=False):
        return np.maximum(x, 0)


class SavesAlways(Right1):
    """Saved without training, too."""

    mistake = "it saves in inference"

    def forward(self, x, training=False):
        self._saved = x
        return np.maximum(x, 0)


class KeepsXInAnAttribute(Right1):
    """Kept x in an attribute of its own, without training, too."""

    mistake = "it saves in inference"

    def forward(self, x, training=False):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, dy):
        return dy * (self.x > 0)


class MakesFloat64(Right1):
    """Made the slope of Python's numbers, which are float64."""

    mistake = "float32 does not stay float32"

    def backward(self, dy):
        x = self._saved
        return dy * np.where(x > 0, 1.0, 0.0)
