"""Schedules: their formulas, and how `fit` moves them on."""

import numpy as np
import pytest

from tinyframe import (
    SGD,
    CosineDecay,
    Dense,
    ExponentialDecay,
    OneCycle,
    ReduceOnPlateau,
    Sequential,
    StepDecay,
)


def test_schedules_follow_their_formulas():
    assert [StepDecay(1.0, 2, 0.5)(t) for t in (0, 1.9, 2, 4.5)] == [1, 1, 0.5, 0.25]
    assert ExponentialDecay(2.0, 0.25)(1.5) == pytest.approx(0.25)
    cosine = CosineDecay(1.0, epochs=10, warmup=2, final=0.1)
    rates = [cosine(t) for t in (1, 2, 4, 6, 10, 99)]
    expected = [0.5, 1, 0.1 + 0.9 * (1 + np.cos(np.pi / 4)) / 2, 0.55, 0.1, 0.1]
    np.testing.assert_allclose(rates, expected)
    assert 0 < cosine(0) < 0.01
    cycle = OneCycle(1.0, 10, rise=0.4)
    np.testing.assert_allclose([cycle(t) for t in (0, 2, 4, 7)], [0.04, 0.52, 1, 0.5], atol=1e-4)
    assert 0 < cycle(10) == cycle(11) < 1e-5


def test_reduce_on_plateau_waits_and_then_reduces():
    schedule = ReduceOnPlateau(1.0, factor=0.5, patience=2, minimum=0.3)
    rates = []
    for loss in (3, 2, 2, 2, 1, 1, 1, 1, 1):
        schedule.observe({"loss": loss})
        rates.append(schedule(0))
    assert rates == [1, 1, 1, 0.5, 0.5, 0.5, 0.3, 0.3, 0.3]
    schedule.reset()
    assert schedule(0) == 1
    upwards = ReduceOnPlateau(1.0, monitor="val_accuracy", patience=1)
    for accuracy in (0.5, 0.6, 0.6):
        upwards.observe({"val_accuracy": accuracy})
    assert upwards(0) == 0.1
    with pytest.raises(ValueError, match="monitor expected one of loss, got 'val_accuracy'"):
        upwards.observe({"loss": 1.0})


def test_fit_moves_a_schedule_on_by_parts_of_epochs():
    seen = []

    class Spy(ExponentialDecay):
        def __call__(self, epoch):
            seen.append(epoch)
            return super().__call__(epoch)

    model = Sequential([Dense(2, 1)])
    optimizer = SGD(Spy(0.01, 0.5))
    x, y = np.ones((8, 2)), np.ones((8, 1))
    model.fit(x, y, optimizer=optimizer, epochs=2, batch_size=4, verbose=False)
    model.fit(x, y, epochs=1, batch_size=8, verbose=False)
    assert seen == [0, 0.5, 1, 1.5, 2]
    assert optimizer.steps == 5


@pytest.mark.parametrize(
    "make",
    [
        lambda: StepDecay(0, 1), lambda: StepDecay(1, 0), lambda: StepDecay(1, 1, 2),
        lambda: CosineDecay(1, 2, warmup=2), lambda: OneCycle(1, 1, rise=1),
        lambda: ExponentialDecay(1, 0), lambda: ReduceOnPlateau(1, factor=1),
        lambda: ReduceOnPlateau(1, patience="2"), lambda: ReduceOnPlateau(1, min_delta=-0.5),
        lambda: ReduceOnPlateau(1, minimum=-0.5), lambda: ReduceOnPlateau(1, factor=1.5),
        lambda: CosineDecay(1, 2, warmup=-0.5), lambda: CosineDecay(1, 2, final=-0.5),
        lambda: ExponentialDecay(1, 1.5), lambda: OneCycle(1, 1, rise=-0.5),
    ],
)  # fmt: skip
def test_schedules_check_their_numbers(make):
    with pytest.raises((TypeError, ValueError), match="expected"):
        make()


def test_parts_of_epochs_and_small_numbers_are_fine():
    assert CosineDecay(1, 2, warmup=0.5)(0.25) == pytest.approx(0.5)
    assert ExponentialDecay(1, 0.5)(0.5) == pytest.approx(0.5**0.5)
    ReduceOnPlateau(1, factor=0.999, min_delta=0, minimum=0)
