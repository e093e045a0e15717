"""Join: processes that run out of inputs before others. One process alone is the last at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from jaxtorch.distributed import _collectives, _groups

__all__ = ["Join", "JoinHook", "Joinable"]


class JoinHook:
    """What a Joinable does once its process has no inputs left; both methods may be overridden."""

    def main_hook(self) -> None:
        """Called for every collective of processes that still have inputs: never, of one alone."""

    def post_hook(self, is_last_joiner: bool) -> None:
        """Called once, when all processes have come to the end."""


class _JoinConfig(NamedTuple):
    enable: bool = False
    throw_on_early_termination: bool = False
    is_first_joinable: bool = False


class Joinable(ABC):
    """Whatever can take part: its constructor calls this one, its calls ``notify_join_context``."""

    @abstractmethod
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._join_config = _JoinConfig()

    @abstractmethod
    def join_hook(self, **kwargs: Any) -> JoinHook:
        """The hook for one context; ``kwargs`` are those of all who share it."""
        raise NotImplementedError

    @property
    @abstractmethod
    def join_device(self) -> Any:
        """Where its collectives are."""
        raise NotImplementedError

    @property
    @abstractmethod
    def join_process_group(self) -> Any:
        """Whose collectives they are."""
        raise NotImplementedError


class Join:
    """``with Join([model, optimizer]):`` around a loop; the post hooks run at its end.

    ValueError without joinables, or where they are of several process groups.
    """

    def __init__(
        self, joinables: list, enable: bool = True, throw_on_early_termination: bool = False,
        **kwargs: Any,
    ):  # fmt: skip
        if not joinables:
            raise ValueError("The join context manager requires at least one joinable")
        self._enable = enable
        self._join_hooks = [joinable.join_hook(**kwargs) for joinable in joinables]
        for i, joinable in enumerate(joinables):
            joinable._join_config = _JoinConfig(enable, throw_on_early_termination, i == 0)
        group = joinables[0].join_process_group
        if any(joinable.join_process_group != group for joinable in joinables):
            raise ValueError("Using join context manager with multiple process groups")
        _groups.get_rank(group)  # raises where there is none

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind, value, traceback) -> None:
        if self._enable and kind is None:
            for hook in self._join_hooks:
                hook.post_hook(True)

    @staticmethod
    def notify_join_context(joinable: Joinable):
        """Say that this process still has inputs: a handle for the first joinable of a context."""
        config = getattr(joinable, "_join_config", None)
        if config is None:
            raise AssertionError(
                f"Check that the {type(joinable)} constructor calls the ``Joinable`` constructor"
            )
        if not (config.is_first_joinable and config.enable):
            return None
        return _collectives.all_reduce(None, group=joinable.join_process_group, async_op=True)
