"""Results that a second thread computes one ahead of those that are asked for."""

import threading
import time

import pytest

from tinyframe.utils.second_thread import one_ahead


def others():
    return [thread for thread in threading.enumerate() if thread is not threading.main_thread()]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = others()
    yield
    assert [thread for thread in others() if thread not in before] == []


def test_results_come_in_order():
    assert list(one_ahead(lambda n: n * n, iter(range(100)))) == [n * n for n in range(100)]
    assert list(one_ahead(abs, iter([]))) == []


def test_none_is_a_result_too():
    assert list(one_ahead(lambda _: None, iter("ab"))) == [None, None]


def test_it_is_another_thread_that_computes():
    assert threading.current_thread() not in one_ahead(
        lambda _: threading.current_thread(), iter(range(3))
    )


def test_it_is_never_more_than_one_ahead():
    """So that of two places for results the one in use is never written to."""
    begun = []
    for taken, _ in enumerate(one_ahead(begun.append, iter(range(20))), 1):
        time.sleep(0.002)
        assert len(begun) <= taken + 1
    assert begun == list(range(20))


def test_the_next_one_is_computed_while_one_is_in_use():
    begun = threading.Semaphore(0)
    results = one_ahead(lambda _: begun.release(), iter(range(3)))
    next(results)
    assert begun.acquire(timeout=10)
    assert begun.acquire(timeout=10)  # nobody has asked for the second one
    results.close()


@pytest.mark.parametrize("item", [0, 2])
def test_an_error_of_the_function_is_raised_in_its_turn(item):
    def failing(n):
        if n == item:
            raise ZeroDivisionError(n)
        return n

    results = one_ahead(failing, iter(range(5)))
    assert [next(results) for _ in range(item)] == list(range(item))
    with pytest.raises(ZeroDivisionError, match=str(item)):
        next(results)


def test_an_error_of_the_items_is_raised_in_its_turn():
    def items():
        yield 1
        raise KeyError("items")

    results = one_ahead(abs, items())
    assert next(results) == 1
    with pytest.raises(KeyError, match="items"):
        next(results)


def test_who_needs_no_more_may_stop():
    begun = []
    results = one_ahead(begun.append, iter(range(1000)))
    next(results)
    results.close()
    assert len(begun) <= 3


def test_where_no_thread_can_start_this_one_computes(monkeypatch):
    def start(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert (
        list(one_ahead(lambda _: threading.current_thread(), iter("ab")))
        == [threading.current_thread()] * 2
    )
