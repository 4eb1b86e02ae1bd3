"""A second thread for work that goes on beside the main one's, where a thread can start."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

Result = TypeVar("Result")


class SecondThread:
    """Calls functions on a second thread or, where none can start, at once on the one that asks.

    None can start in WebAssembly, and in containers that allow no more. Results, and their order,
    are the same; it takes longer.

        with SecondThread() as thread:
            coming = thread.submit(read, "next")
            work()
            coming.result()
    """

    def __enter__(self) -> Self:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - spares `import tinyframe`

        self._pool = ThreadPoolExecutor(1)
        self._alone = False
        return self

    def submit(self, function: Callable[..., Result], *arguments: Any) -> "Future[Result]":
        """Return what will have the function's result, or raise what it raises.

        Parameters
        ----------
        function, arguments
            What to call, after all that was submitted before.
        """
        if not self._alone:
            try:
                return self._pool.submit(function, *arguments)
            except RuntimeError:  # "can't start new thread"
                self._alone = True
        from concurrent.futures import Future  # noqa: PLC0415 - as above

        done: Future[Result] = Future()
        try:
            done.set_result(function(*arguments))
        except Exception as error:  # noqa: BLE001 - it is raised where the result is asked for
            done.set_exception(error)
        return done

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown()
