"""Products: in pieces, and in every order of memory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyframe.utils import products
from tinyframe.utils.products import matmul, matmul_in_pieces


def operands(m, k, n, orders, seed=0):
    rng = np.random.default_rng(seed)
    found = rng.standard_normal((m, k)), rng.standard_normal((k, n))
    return [np.asfortranarray(v) if f else v for v, f in zip(found, orders, strict=True)]


@given(
    m=st.integers(0, 40) | st.sampled_from([130, 400, 1030, 3000]),
    k=st.sampled_from([0, 1, 3, 64, 129, 700, 2000]),
    n=st.sampled_from([0, 1, 5, 10, 16, 32, 900]),
    orders=st.tuples(st.booleans(), st.booleans()),
    given_out=st.booleans(),
)
@settings(max_examples=150)
def test_a_product_in_pieces_is_the_product(m, k, n, orders, given_out):
    a, b = operands(m, k, n, orders, seed=m)
    out = np.full((n, m), np.nan).T if given_out else None
    result = matmul(a, b, out)
    assert out is None or np.shares_memory(result, out) or not out.size
    np.testing.assert_allclose(result, a @ b, rtol=1e-10, atol=1e-11)


# Shapes as `matmul_in_pieces` has them, and what it does with them, by the table in products.py.
CASES = {
    "columns of one length": ((10, 784, 1024), True),
    "columns and a rest": ((10, 784, 1030), True),
    "rows of columns, and a rest": ((10, 64, 4001), False),
    "pieces of the sum": ((10, 1024, 784), False),
    "pieces of the sum, and a rest": ((16, 1000, 784), False),
}


@pytest.mark.parametrize("what", CASES)
def test_each_way_of_cutting_gives_the_product(what, monkeypatch):
    (m, k, n), dots = CASES[what]
    a, b = operands(m, k, n, (False, dots))
    shapes = []

    def noted(a, b, out=None):
        shapes.append(b.shape)
        return np.matmul(a, b, out)

    monkeypatch.setattr(products, "quiet_matmul", noted)
    around = np.full((m, n + 2), np.nan)
    out = around[:, 1:-1]
    assert matmul_in_pieces(a, b, out) is out
    np.testing.assert_allclose(out, a @ b, rtol=1e-10, atol=1e-11)
    assert np.isnan(around[:, [0, -1]]).all()  # nothing is written beside it
    assert len(shapes[0]) == 3  # a stack
    assert len(shapes) == (2 if "rest" in what else 1)
    assert (shapes[0][1] < k) == ("sum" in what)


def test_how_a_product_is_cut_depends_on_shapes_alone():
    a, b = operands(10, 784, 1024, (False, True))
    first = matmul(b.T, a.T).tobytes()
    assert matmul(b.T.copy(), a.T.copy("F")).tobytes() == first
