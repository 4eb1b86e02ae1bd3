"""Embeddings: vectors that are learned, for tokens and for places in a sequence."""

import numpy as np

from tinyframe.initializers import Initializer, as_initializer, normal
from tinyframe.layers.layer import Layer
from tinyframe.parameters import Parameter
from tinyframe.types import Array, Shape
from tinyframe.utils.checks import batched, positive_integer
from tinyframe.utils.products import sums_by_label


class Embedding(Layer):
    """y = W[x]: each token is replaced by its own row of W.

    x is (batch, …) of whole numbers 0 … vocabulary − 1, W (vocabulary, width), y (batch, …, width).
    They may be floats, as the categories in a table are. As a product with one-hot rows it is a
    `Dense` layer without bias, so that dW's row k is the sum of the dy of all tokens k. Tokens have
    no derivative: dx is zero.

    Parameters
    ----------
    vocabulary : int
        Number of different tokens.
    width : int
        Length of their vectors.
    padding : int, optional
        The token that only fills up sequences: its vector is zero and stays zero, which `LSTM` and
        its like, and `MultiHeadAttention`, take as a sign to skip it (`padding=0.0` there).
    initializer
        Draws W, by default from 𝒩(0, 1).

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive integer, or x is not made of tokens.

    Examples
    --------
    >>> layer = Embedding(65, 16)
    >>> layer(np.array([[0, 64, 7]])).shape
    (1, 3, 16)
    """

    takes_integers = True
    weight: Parameter

    def __init__(
        self,
        vocabulary: int,
        width: int,
        padding: int | None = None,
        initializer: Initializer | str = normal,
    ) -> None:
        self.vocabulary = positive_integer("vocabulary", vocabulary)
        self.width = positive_integer("width", width)
        self.padding = padding
        self.initializer = as_initializer(initializer)
        if padding is not None and (isinstance(padding, bool) or not isinstance(padding, int)):
            raise TypeError(f"padding expected a token, got {padding!r}")
        if padding is not None and not 0 <= padding < vocabulary:
            raise ValueError(f"padding expected a token from 0 to {vocabulary - 1}, got {padding}")

    def setup(self, input_shape: Shape) -> Shape:
        # Kept transposed in memory, (width, vocabulary): y then lies with its features first.
        self.weight = Parameter(
            (self.vocabulary, self.width), self._draw, dtype=self.dtype, order="F"
        )
        return (*input_shape, self.width)

    def _draw(self, rng: "np.random.Generator", shape: Shape) -> Array:
        """Return initial vectors, that of the padding zero."""
        drawn = self.initializer(rng, shape)
        if self.padding is not None:
            drawn[self.padding] = 0
        return drawn

    def forward(self, x: Array, training: bool = False) -> Array:
        if x.shape[1:] != self.input_shape:
            self._check_input(x)
        tokens = self._tokens(x)
        # y = W[tokens]; all are in range, so that "clip" only spares a check
        y = np.take(self.weight.value.T, tokens, axis=1, mode="clip").T
        if training:
            self._saved = tokens, x.shape
        return y.reshape(*x.shape, self.width)

    def _tokens(self, x: Array) -> Array:
        """Return all tokens in one row; TypeError or ValueError for what is none."""
        if x.dtype.kind == "f" and (x != np.floor(x)).any():
            wrong = x[x != np.floor(x)][0]
            raise TypeError(f"{self!r} expected tokens, which are whole numbers, got {wrong}")
        if x.size and (x.min() < 0 or x.max() >= self.vocabulary):
            wrong = x.min() if x.min() < 0 else x.max()
            raise ValueError(
                f"{self!r} expected tokens from 0 to {self.vocabulary - 1}, got {wrong}"
            )
        return x.reshape(-1).astype(np.intp, copy=False)

    def backward(self, dy: Array) -> Array:
        self.backward_parameters(dy)
        _, shape = self._recall()
        return np.zeros(shape, dy.dtype, like=dy)

    def backward_parameters(self, dy: Array) -> None:
        tokens, _ = self._recall()
        sums_by_label(tokens, dy.reshape(tokens.size, self.width), out=self.weight.grad)
        if self.padding is not None:
            self.weight.grad[self.padding] = 0


class PositionalEmbedding(Layer):
    """y = x + P: each place in the sequence adds a vector of its own.

    x and y are (batch, time, features), P (time, features), dP = Σ dy over the batch, dx = dy.
    Attention alone does not see the order of its inputs. Source: Gehring et al., "Convolutional
    Sequence to Sequence Learning", 2017.

    Parameters
    ----------
    initializer
        Draws P, by default from 𝒩(0, 1).

    Raises
    ------
    ValueError
        If x is not (batch, time, features).

    Examples
    --------
    >>> Sequential(Embedding(65, 16), PositionalEmbedding())(np.array([[0, 64, 7]])).shape
    (1, 3, 16)
    """

    weight: Parameter

    def __init__(self, initializer: Initializer | str = normal) -> None:
        self.initializer = as_initializer(initializer)

    def setup(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 2:  # noqa: PLR2004 - (time, features)
            raise ValueError(
                f"{self!r} expected (batch, time, features), got {batched(input_shape)}"
            )
        self.weight = Parameter(input_shape, self.initializer, dtype=self.dtype, order="F")
        return input_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        return self._input(x) + self.weight.value

    def backward(self, dy: Array) -> Array:
        np.add.reduce(dy, axis=0, out=self.weight.grad)
        return dy
