"""Weights to and from PyTorch's state dicts, with and without PyTorch."""

import numpy as np
import pytest

import tinyframe as tf
from tinyframe.interop.torch import from_torch_state_dict, to_torch_state_dict


def lenet():
    model = tf.Sequential([
        tf.Reshape(1, 12, 12), tf.Conv2D(6, 5, padding=2), tf.ReLU(), tf.MaxPool2D(2),
        tf.Conv2D(8, 3), tf.ReLU(), tf.Flatten(), tf.Dense(20), tf.ReLU(), tf.Dense(10),
    ])  # fmt: skip
    model.build((12, 12), rng=0)
    return model


def random_state(model, rng, prefixes=None):
    return {
        name: rng.standard_normal(array.shape).astype(np.float32)
        for name, array in to_torch_state_dict(model, prefixes).items()
    }


def weights(model):
    return [parameter.value.copy() for parameter in model.parameters]


def test_names_are_those_of_torchs_sequential():
    state = to_torch_state_dict(lenet())
    assert list(state) == [f"{i}.{leaf}" for i in (1, 4, 7, 9) for leaf in ("weight", "bias")]
    assert state["7.weight"].shape == (20, 128)
    assert state["7.weight"].flags.c_contiguous


def test_names_of_places_and_names_in_order(rng):
    model, names = lenet(), ["conv1", "conv2", "fc1", "fc2"]
    state = random_state(model, rng, names)
    for given, prefixes in ((state, None), (state, names), (dict(sorted(state.items())), names)):
        model = from_torch_state_dict(lenet(), given, prefixes)
        for name, array in to_torch_state_dict(model, names).items():
            np.testing.assert_array_equal(array, state[name])
    backwards = dict(reversed(random_state(model, rng).items()))  # the places say which is which
    model = from_torch_state_dict(lenet(), backwards)
    np.testing.assert_array_equal(model[7].weight.value.T, backwards["7.weight"])


def test_a_lone_layer(rng):
    layer = tf.Dense(3, 2)
    state = random_state(layer, rng)
    assert list(state) == ["weight", "bias"]
    np.testing.assert_array_equal(
        from_torch_state_dict(tf.Dense(3, 2), state).weight.value, state["weight"].T
    )


def test_double_precision_becomes_that_of_the_model(rng):
    state = {k: v.astype(np.float64) for k, v in random_state(tf.Dense(3, 2), rng).items()}
    assert from_torch_state_dict(tf.Dense(3, 2), state).weight.value.dtype == np.float32


MISTAKES = {
    "a missing name": (lambda s: s.pop("9.bias"), r"no '9.bias', which layer 9, Dense\(10\)"),
    "a transposed weight": (
        lambda s: s.update({"9.weight": s["9.weight"].T}),
        r"'9.weight' expected shape \(10, 20\), .*got \(20, 10\); it is transposed",
    ),
    "another layout": (
        lambda s: s.update({"1.weight": s["1.weight"].transpose(2, 3, 1, 0)}),
        r"'1.weight' expected shape \(6, 1, 5, 5\), .*got \(5, 5, 1, 6\)",
    ),
    "a name too many": (
        lambda s: s.update({"9.running_mean": s["9.bias"]}), r"\['9.running_mean'\], for which",
    ),
    "a module too many": (
        lambda s: s.update({"11.bias": s["9.bias"]}), r"expected 4 modules, .*got 5",
    ),
    "an unknown weight": (
        lambda s: s.update({"9.weight_g": s["9.bias"]}), "'9.weight_g' is no weight",
    ),
    "a masked array": (
        lambda s: s.update({"9.bias": np.ma.masked_less(s["9.bias"], 0)}), "'9.bias' .* masked",
    ),
    "a number too large": (
        lambda s: s.update({"9.bias": np.full(10, 1e300)}), "'9.bias' .* fit into float32, got 1e",
    ),
    "a number for a name": (lambda s: s.update({3: s["9.bias"]}), "expected names .*, got 3"),
    "no numbers": (lambda s: s.update({"9.bias": np.array(["a"])}), "'9.bias' expected real num"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_does_not_fit_is_named_and_changes_nothing(mistake, rng):
    change, message = MISTAKES[mistake]
    model = lenet()
    state = random_state(model, rng)
    change(state)
    before = weights(model)
    with pytest.raises((ValueError, TypeError), match=message):
        from_torch_state_dict(model, state)
    for one, two in zip(before, weights(model), strict=True):
        np.testing.assert_array_equal(one, two)


class Module:
    """As PyTorch's: its arrays are in its state dict."""

    def state_dict(self):
        return {}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (Module(), r"mapping, got a Module; that is its \.state_dict\(\)"),
        (None, "mapping, got a NoneType"),
        ([np.ones(3)], "mapping, got a list"),
        ("lenet.pt", "mapping, got a str"),
    ],
)
def test_what_is_no_state_dict_is_told(state, message):
    with pytest.raises(TypeError, match=message):
        from_torch_state_dict(lenet(), state)


@pytest.mark.parametrize("model", [None, 3, "model", tf.Sequential, {}])
def test_what_is_no_model_is_told(model):
    for call in (to_torch_state_dict, lambda model: from_torch_state_dict(model, {})):
        with pytest.raises(TypeError, match="model expected a layer such as"):
            call(model)


@pytest.mark.parametrize("prefixes", [3, "conv", ["a", "b", "c", 4], {"a", "b", "c", "d"}])
def test_prefixes_are_names(prefixes, rng):
    state = random_state(lenet(), rng)
    with pytest.raises(ValueError, match="prefixes expected 4 names"):
        from_torch_state_dict(lenet(), state, prefixes)


def test_modules_of_the_same_shape_have_to_be_named(rng):
    model = tf.Sequential([tf.Dense(4, 4), tf.ReLU(), tf.Dense(4, 4)])
    state = random_state(model, rng, ["last", "first"])  # in the order in which they were made
    with pytest.raises(ValueError, match=r"prefixes=\['last', 'first'\]"):
        from_torch_state_dict(model, state)
    from_torch_state_dict(model, state, ["first", "last"])
    np.testing.assert_array_equal(model[0].bias.value, state["first.bias"])
    with pytest.raises(ValueError, match="prefixes expected 2 names"):
        from_torch_state_dict(model, state, ["first"])


def test_a_model_without_shapes_and_layers_without_twins():
    with pytest.raises(ValueError, match="built model"):
        to_torch_state_dict(tf.Sequential([tf.Dense(3)]))

    class Louder(tf.Dense):
        pass

    with pytest.raises(ValueError, match="layer 1: PyTorch has no module for the weights of Loud"):
        to_torch_state_dict(tf.Sequential([tf.Dense(3, 3), Louder(3)]))


def recurrent(*kinds):
    model = tf.Sequential([kind(4, return_sequences=True) for kind in kinds])
    model.build((5, 4), rng=0)
    return model


def test_recurrent_layers_of_one_name_are_one_module(rng):
    model = recurrent(tf.LSTM, tf.LSTM, tf.LSTM)
    assert list(to_torch_state_dict(model))[:2] == ["0.weight_ih_l0", "0.weight_hh_l0"]
    state = to_torch_state_dict(model, ["a", "b", "a"])
    assert [name for name in state if "weight_ih" in name] == [
        "a.weight_ih_l0", "b.weight_ih_l0", "a.weight_ih_l1",
    ]  # fmt: skip
    for name, layer in zip(("a.weight_ih_l0", "a.weight_ih_l1"), (model[0], model[2]), strict=True):
        np.testing.assert_array_equal(state[name], layer.weight.value.T)


def test_more_than_ten_layers_keep_their_order(rng):
    model = recurrent(*[tf.RNN] * 12)
    state = random_state(model, rng, ["rnn"] * 12)
    from_torch_state_dict(model, dict(sorted(state.items())))  # l0, l1, l10, l11, l2, …
    for number, layer in enumerate(model):
        np.testing.assert_array_equal(layer.weight.value.T, state[f"rnn.weight_ih_l{number}"])


def test_a_layer_that_reads_backwards_alone_is_a_module_as_any_other(rng):
    model = tf.Sequential(tf.Reverse(), tf.LSTM(3))
    model.build((5, 4), rng=0)
    state = to_torch_state_dict(model, ["lstm"])
    assert "lstm.weight_ih_l0" in state
    from_torch_state_dict(model, state)


@pytest.mark.parametrize(
    ("kinds", "names", "message"),
    [
        (
            [tf.LSTM, tf.LSTM], ["lstm"],
            "prefixes expected 2 names, .*; a module of several recurrent layers is named once for",
        ),
        (
            [tf.LSTM, tf.GRU], ["a", "a"],
            "a name of its own for 1 GRU, got 'a' again; recurrent layers of one kind alone share",
        ),
    ],
)  # fmt: skip
def test_names_that_recurrent_layers_cannot_have(kinds, names, message):
    with pytest.raises(ValueError, match=message):
        to_torch_state_dict(recurrent(*kinds), names)


def test_other_layers_do_not_share_a_name():
    """Else one would overwrite the weights of the other."""
    model = tf.Sequential(tf.Dense(4, 4), tf.Dense(4))
    with pytest.raises(ValueError, match="a name of its own for 1 Dense, got 'fc' again"):
        to_torch_state_dict(model, ["fc", "fc"])


def test_layers_of_another_number_or_direction_are_refused(rng):
    state = random_state(recurrent(tf.LSTM, tf.LSTM), rng, ["lstm", "lstm"])
    before = weights(three := recurrent(tf.LSTM, tf.LSTM, tf.LSTM))
    with pytest.raises(ValueError, match=r"expected 3 modules, .*got 2: \['lstm', 'lstm'\]"):
        from_torch_state_dict(three, state)
    for one, two in zip(before, weights(three), strict=True):
        np.testing.assert_array_equal(one, two)
    both = tf.Sequential(
        tf.Concatenate(tf.LSTM(4), tf.Sequential(tf.Reverse(), tf.LSTM(4)), axis=-1)
    )
    both.build((5, 4))
    with pytest.raises(ValueError, match=r"no 'lstm.weight_ih_l0_reverse', which layer"):
        from_torch_state_dict(both, state)
    with pytest.raises(ValueError, match=r"no 'lstm.weight_ih_l1', which layer 1, LSTM"):
        from_torch_state_dict(
            recurrent(tf.LSTM, tf.LSTM), random_state(both, rng, ["lstm", "lstm"])
        )


def test_layers_of_several_modules_of_one_shape_have_to_be_named(rng):
    names = ["a", "a", "b"]
    state = random_state(recurrent(tf.LSTM, tf.LSTM, tf.LSTM), rng, names)
    with pytest.raises(ValueError, match=r"prefixes=\['a', 'a', 'b'\]"):
        from_torch_state_dict(recurrent(tf.LSTM, tf.LSTM, tf.LSTM), state)
    model = from_torch_state_dict(recurrent(tf.LSTM, tf.LSTM, tf.LSTM), state, names)
    np.testing.assert_array_equal(model[2].weight.value.T, state["b.weight_ih_l0"])
