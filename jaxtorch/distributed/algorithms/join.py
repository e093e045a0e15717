"""Training with uneven inputs: who runs out first waits for the others. In a group of one process,
as here, nobody waits, and what remains of it is the work after the last batch."""

from __future__ import annotations

import abc
from typing import Any

__all__ = ["Join", "JoinHook", "Joinable"]


class JoinHook:
    """What a :class:`Joinable` does for others that still have inputs, and when none has."""

    def main_hook(self) -> None:
        """Called again and again while another process has inputs: never in a group of one."""

    def post_hook(self, is_last_joiner: bool) -> None:
        """Called once, when no process has inputs any more."""


class Joinable(abc.ABC):
    """A class whose objects a ``Join`` looks after."""

    @abc.abstractmethod
    def join_hook(self, **kwargs) -> JoinHook:
        """The hook; ``kwargs`` are those that ``Join`` was given."""

    @property
    @abc.abstractmethod
    def join_device(self) -> Any:
        """The device of its collectives."""

    @property
    @abc.abstractmethod
    def join_process_group(self) -> Any:
        """The group of its collectives."""


class Join:
    """``with Join([model]):`` around a loop over batches; ValueError without joinables."""

    def __init__(
        self, joinables: list[Joinable], enable: bool = True,
        throw_on_early_termination: bool = False, **kwargs,
    ) -> None:  # fmt: skip
        if not joinables:
            raise ValueError("The join context manager requires at least one joinable")
        if len({id(joinable.join_process_group) for joinable in joinables}) > 1:
            raise ValueError("Using join context manager with multiple process groups")
        self._hooks = [joinable.join_hook(**kwargs) for joinable in joinables]
        self._enable = enable
        # In a group of one the first to run out is the last: there is nothing to cut short.
        self._throw_on_early_termination = throw_on_early_termination

    def __enter__(self) -> Join:
        return self

    def __exit__(self, kind, error, traceback) -> None:
        if self._enable and kind is None:
            for hook in self._hooks:
                hook.post_hook(True)

    @staticmethod
    def notify_join_context(joinable: Joinable) -> None:
        """Tells the others that this process still has inputs: a group of one has no others."""
        return None
