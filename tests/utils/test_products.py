"""Products: in pieces, and in every order of memory."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyframe.utils.products import matmul


@given(
    m=st.integers(0, 40),
    k=st.sampled_from([0, 1, 3, 700, 2000]),
    n=st.sampled_from([0, 1, 5, 900, 3000]),
    orders=st.tuples(st.booleans(), st.booleans()),
    given_out=st.booleans(),
)
@settings(max_examples=60)
def test_a_product_in_pieces_is_the_product(m, k, n, orders, given_out):
    rng = np.random.default_rng(m)
    a, b = rng.standard_normal((m, k)), rng.standard_normal((k, n))
    a, b = (np.asfortranarray(v) if f else v for v, f in zip((a, b), orders, strict=True))
    out = np.full((n, m), np.nan).T if given_out else None
    result = matmul(a, b, out)
    assert out is None or np.shares_memory(result, out) or not out.size
    np.testing.assert_allclose(result, a @ b, rtol=1e-10, atol=1e-11)
