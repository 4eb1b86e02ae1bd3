import threading

import numpy as np
import pytest
from needs import needs

from tinyframe.utils import threads
from tinyframe.utils.progress import track
from tinyframe.utils.threads import Helper, share

threadpoolctl = needs("threadpoolctl")


def blas_threads():
    return threads._blas_threads()


@pytest.fixture
def several(monkeypatch):
    """BLAS with two threads, and two threads of ours, whatever the environment says."""
    with threadpoolctl.threadpool_limits(2, "blas"):
        monkeypatch.setattr(threads, "threads", lambda: 2)
        yield


def test_without_threadpoolctl_there_is_one_thread(monkeypatch):
    monkeypatch.setattr(threads, "_blas", lambda: None)
    assert threads.threads() == 1
    assert not threads.can_share()


def test_there_are_as_many_threads_as_blas_has():
    with threadpoolctl.threadpool_limits(1, "blas"):
        assert threads.threads() == 1


def test_blas_is_held_as_long_as_anybody_needs_it(several):
    with Helper():
        assert blas_threads() == 1
        assert threads._hold.threads() == 2
        with Helper():
            assert blas_threads() == 1
        assert blas_threads() == 1
    assert blas_threads() == 2


def test_blas_is_given_back_after_an_error(several):
    with pytest.raises(ZeroDivisionError), Helper() as helper:
        helper.submit(lambda: 1 // 0).result()
    assert blas_threads() == 2


def test_a_helper_computes_in_the_same_numpy_context():
    with np.errstate(divide="raise"), Helper() as helper:
        np.setbufsize(1024)
        assert helper.submit(np.getbufsize).result() == 1024
        assert helper.submit(np.geterr).result()["divide"] == "raise"


def shared(function, items):
    share(function, items, lambda items, total, **_: track(items, total, "test", "item"))


def test_two_threads_take_each_item_once(several):
    taken, who = [], set()
    both = threading.Barrier(2, timeout=10)

    def take(items):
        for number, item in enumerate(items):
            if not number:
                both.wait()
            who.add(threading.get_ident())
            taken.append(item)

    shared(take, range(1000))
    assert sorted(taken) == list(range(1000))
    assert len(who) == 2


@pytest.mark.parametrize("failing", ["main", "other"])
def test_an_error_of_either_thread_is_raised_and_ends_both(several, failing):
    main = threading.get_ident()
    both = threading.Barrier(2, timeout=10)
    before = threading.active_count()

    def take(items):
        for number, _ in enumerate(items):
            if not number:
                both.wait()
                if (threading.get_ident() == main) is (failing == "main"):
                    raise KeyError(failing)

    with pytest.raises(KeyError, match=failing):
        shared(take, range(1000))
    assert threading.active_count() == before
    assert blas_threads() == 2
