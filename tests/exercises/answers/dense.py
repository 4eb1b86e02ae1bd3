"""Answers to Exercise 2, Dense, as students write them."""

import numpy as np
from exercise_sheets import sheet


class Right1(sheet("dense").Dense):
    def forward(self, x, training=False):
        x = self._input(x)
        if training:
            self._saved = x
        W, b = self.weight.value, self.bias.value
        return x @ W + b

    def backward(self, dy):
        x = self._saved
        W = self.weight.value
        self.weight.grad = x.T @ dy
        self.bias.grad = dy.sum(axis=0)
        return dy @ W.T


class Right2(Right1):
    """All of it as sums over letters."""

    def forward(self, x, training=False):
        x = self._input(x)
        if training:
            self._saved = x
        return np.einsum("ri,ij->rj", x, self.weight.value) + self.bias.value

    def backward(self, dy):
        self.weight.grad = np.einsum("ri,rj->ij", self._saved, dy)
        self.bias.grad = np.einsum("rj->j", dy)
        return np.einsum("rj,ij->ri", dy, self.weight.value)


class Right3(Right1):
    """Row by row, with outer products, written into the gradients' own arrays."""

    def forward(self, x, training=False):
        x = self._input(x)
        if training:
            self._saved = x.copy()
        return np.stack([row @ self.weight.value + self.bias.value for row in x])

    def backward(self, dy):
        self.weight.grad[:] = 0
        self.bias.grad[:] = 0
        dx = np.zeros_like(self._saved)
        for r, row in enumerate(dy):
            self.weight.grad += np.outer(self._saved[r], row)
            self.bias.grad += row
            dx[r] = self.weight.value @ row
        return dx


class Right4(Right1):
    """The bias as the weight of one more input, which is always 1."""

    def forward(self, x, training=False):
        x = self._input(x)
        extended = np.hstack([x, np.ones((len(x), 1), x.dtype)])
        both = np.vstack([self.weight.value, self.bias.value])
        if training:
            self._saved = extended, both
        return extended @ both

    def backward(self, dy):
        extended, both = self._saved
        gradient = (dy.T @ extended).T
        self.weight.grad, self.bias.grad = gradient[:-1], gradient[-1]
        return (both @ dy.T).T[:, :-1]


class NoBias(Right1):
    """Forgot the bias in y."""

    mistake = "no bias"

    def forward(self, x, training=False):
        x = self._input(x)
        if training:
            self._saved = x
        return x @ self.weight.value


class SubtractsTheBias(Right1):
    """Took the bias away."""

    mistake = "the bias is taken away"

    def forward(self, x, training=False):
        x = self._input(x)
        if training:
            self._saved = x
        return x @ self.weight.value - self.bias.value


class TransposesInForward(Right1):
    """Wrote the document's Wᵀ for rows."""

    mistake = "shapes that do not fit"

    def forward(self, x, training=False):
        x = self._input(x)
        if training:
            self._saved = x
        return x @ self.weight.value.T + self.bias.value


class DividesByTheRows(Right1):
    """Divided the weights' gradients by the number of rows."""

    mistake = "a mean over the rows"

    def backward(self, dy):
        dx = super().backward(dy)
        self.weight.grad /= len(dy)
        self.bias.grad /= len(dy)
        return dx


class MeanOfTheBiasAlone(Right1):
    """Wrote mean for sum in the bias's gradient."""

    mistake = "a mean over the rows"

    def backward(self, dy):
        dx = super().backward(dy)
        self.bias.grad = dy.mean(axis=0)
        return dx


class MeanOfTheWeightAlone(Right1):
    """Divided the weight's gradient alone by the number of rows."""

    mistake = "a mean over the rows"

    def backward(self, dy):
        dx = super().backward(dy)
        self.weight.grad /= len(dy)
        return dx


class SumsEverythingForTheBias(Right1):
    """Forgot the axis: one sum of all dy, for each unit the same."""

    mistake = "one number for all units"

    def backward(self, dy):
        dx = super().backward(dy)
        self.bias.grad[:] = dy.sum()
        return dx


class SumWithoutAxis(Right1):
    """Forgot the axis, and assigned the one number."""

    mistake = None

    def backward(self, dy):
        dx = super().backward(dy)
        self.bias.grad = dy.sum()
        return dx


class SumsTheUnitsForTheBias(Right1):
    """Summed along the units, not the rows."""

    mistake = None

    def backward(self, dy):
        dx = super().backward(dy)
        self.bias.grad = dy.sum(axis=1)
        return dx


class LastRowForTheBias(Right1):
    """Took one row's dy for the bias's gradient."""

    mistake = "the last row alone"

    def backward(self, dy):
        dx = super().backward(dy)
        self.bias.grad = dy[-1]
        return dx


class ForgetsTheBiasGradient(Right1):
    """Left the gradient of the bias as it was."""

    mistake = "it is not written"

    def backward(self, dy):
        self.weight.grad = self._saved.T @ dy
        return dy @ self.weight.value.T


class ForgetsTheWeightGradient(Right1):
    """Left the gradient of the weight as it was."""

    mistake = "it is not written"

    def backward(self, dy):
        self.bias.grad = dy.sum(axis=0)
        return dy @ self.weight.value.T


class WritesElsewhere(Right1):
    """Wrote the gradients into attributes of other names."""

    mistake = "it is not written"

    def backward(self, dy):
        self.dW = self._saved.T @ dy
        self.db = dy.sum(axis=0)
        return dy @ self.weight.value.T


class DoesNotTranspose(Right1):
    """Wrote dy W: matrices that do not go together."""

    mistake = "shapes that do not fit"

    def backward(self, dy):
        super().backward(dy)
        return dy @ self.weight.value


class ReshapesForTransposes(Right1):
    """Made W fit by reshape, which sorts the numbers otherwise than a transposition."""

    mistake = "reshaped, not transposed"

    def backward(self, dy):
        super().backward(dy)
        W = self.weight.value
        return dy @ W.reshape(W.shape[1], W.shape[0])


class TransposesTheWeightGradient(Right1):
    """Wrote dyᵀ x, of shape (units, inputs)."""

    mistake = "transposed"

    def backward(self, dy):
        dx = super().backward(dy)
        self.weight.grad = dy.T @ self._saved
        return dx


class ReshapesTheWeightGradient(Right1):
    """Wrote dyᵀ x, and made it fit by reshape."""

    mistake = "reshaped, not transposed"

    def backward(self, dy):
        dx = super().backward(dy)
        self.weight.grad = (dy.T @ self._saved).reshape(self.weight.shape)
        return dx


class AssignsToTheParameters(Right1):
    """Wrote self.weight for self.weight.grad, which changes the weight itself."""

    mistake = "the weights are changed"

    def backward(self, dy):
        self.weight = self._saved.T @ dy
        self.bias = dy.sum(axis=0)
        return dy @ self.weight.value.T


class TransposesTheParameter(Right1):
    """Wrote self.weight.T for self.weight.value.T."""

    mistake = "the parameter in place of its value"

    def backward(self, dy):
        super().backward(dy)
        return dy @ self.weight.T


class KeepsTheAxisForTheBias(Right1):
    """Kept the rows' axis in the sum, with keepdims."""

    mistake = None

    def backward(self, dy):
        dx = super().backward(dy)
        self.bias.grad = dy.sum(axis=0, keepdims=True)
        return dx


class SavesY(Right1):
    """Kept y instead of x."""

    mistake = None

    def forward(self, x, training=False):
        y = super().forward(x, training)
        if training:
            self._saved = y
        return y


class ForgetsX(Right1):
    """Gave each input's weights the gradient of the bias."""

    mistake = "x is missing"

    def backward(self, dy):
        dx = super().backward(dy)
        self.weight.grad[:] = dy.sum(axis=0)
        return dx


class ForgetsDy(Right1):
    """Took ∂y/∂b, which is 1 in each row, for ∂L/∂b."""

    mistake = "dy is missing"

    def backward(self, dy):
        dx = super().backward(dy)
        self.bias.grad[:] = len(dy)
        return dx


class YForDy(Right1):
    """Multiplied x by y."""

    mistake = "y in place of dy"

    def backward(self, dy):
        dx = super().backward(dy)
        x = self._saved
        self.weight.grad = x.T @ (x @ self.weight.value + self.bias.value)
        return dx


class MeanOfTheUnits(Right1):
    """Divided dx by the number of units."""

    mistake = "a mean over the units"

    def backward(self, dy):
        return super().backward(dy) / self.units


class FirstRowAlone(Right1):
    """Took the first row for the gradient of the weight."""

    mistake = "one row alone"

    def backward(self, dy):
        dx = super().backward(dy)
        self.weight.grad = np.outer(self._saved[0], dy[0])
        return dx


class WritesTheNextWeights(Right1):
    """Wrote W − ∂L/∂W for ∂L/∂W."""

    mistake = "the step is taken already"

    def backward(self, dy):
        dx = super().backward(dy)
        self.weight.grad = self.weight.value - self._saved.T @ dy
        return dx


class AddsToTheGradients(Right1):
    """Wrote += for =."""

    mistake = "it is added to what was there"

    def backward(self, dy):
        self.weight.grad += self._saved.T @ dy
        self.bias.grad += dy.sum(axis=0)
        return dy @ self.weight.value.T


class LearnsAtOnce(Right1):
    """Took a step down the gradient within backward."""

    mistake = "the weights are changed"

    def backward(self, dy):
        dx = super().backward(dy)
        self.weight.value -= 0.1 * self.weight.grad
        self.bias.value -= 0.1 * self.bias.grad
        return dx


class PassesDyOn(Right1):
    """Took dy itself for dx."""

    mistake = None

    def backward(self, dy):
        super().backward(dy)
        return dy


class ReturnsTheWeightGradient(Right1):
    """Returned ∂L/∂W, not ∂L/∂x."""

    mistake = None

    def backward(self, dy):
        super().backward(dy)
        return self.weight.grad.copy()


class TurnsTheSign(Right1):
    """Returned −∂L/∂W and −∂L/∂b, as a step would be."""

    mistake = "the sign"

    def backward(self, dy):
        dx = super().backward(dy)
        self.weight.grad *= -1
        self.bias.grad *= -1
        return dx


class ForgetsToReturn(Right1):
    """Forgot the return of backward."""

    mistake = "nothing is returned"

    def backward(self, dy):
        super().backward(dy)


class SavesNothing(Right1):
    """Kept nothing in forward."""

    mistake = "nothing saved"

    def forward(self, x, training=False):
        return super().forward(x)
