"""``torch.futures``: results that may still be on their way."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["Future", "collect_all", "wait_all"]


T = TypeVar("T")


class Future(Generic[T]):
    """A result to be set by one thread and waited for by others."""

    def __init__(self, *, devices=None):
        self._inner: concurrent.futures.Future = concurrent.futures.Future()

    def done(self) -> bool:
        return self._inner.done()

    def wait(self) -> Any:
        """The result, once it is there; raises what was set in its place."""
        return self._inner.result()

    def value(self) -> Any:
        """The result, which must be there."""
        if not self.done():
            raise RuntimeError("Future::value() called before the future was completed")
        return self.wait()

    def set_result(self, result) -> None:
        if self.done():
            raise RuntimeError("Attempting to mark a completed Future as complete again.")
        self._inner.set_result(result)

    def set_exception(self, result: BaseException) -> None:
        if not isinstance(result, Exception):
            raise AssertionError(f"{result} is of type {type(result)}, not an Exception.")
        self._inner.set_exception(result)

    def then(self, callback: Callable[[Future], Any]) -> Future:
        """The Future of ``callback(self)``, called once this one is done."""
        after = Future()

        def run(_) -> None:
            try:
                after.set_result(callback(self))
            except Exception as error:
                after.set_exception(error)

        self._inner.add_done_callback(run)
        return after

    def add_done_callback(self, callback: Callable[[Future], None]) -> None:
        self._inner.add_done_callback(lambda _: callback(self))


def collect_all(futures: list[Future]) -> Future:
    """A Future of the list itself, done when all in it are."""
    together = Future()
    left = [len(futures)]

    def one_more(_) -> None:
        left[0] -= 1
        if left[0] == 0:
            together.set_result(futures)

    for future in futures:
        future.add_done_callback(one_more)
    if not futures:
        together.set_result(futures)
    return together


def wait_all(futures: list[Future]) -> list:
    """The results of all, in order."""
    return [future.wait() for future in collect_all(futures).wait()]
