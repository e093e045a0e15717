"""How modules are copied and pickled."""

from __future__ import annotations

import copy

from jaxtorch.nn.modules._hooks import HookDict, HookMethods
from jaxtorch.nn.modules._members import KEPT, KINDS, link, unlink

__all__ = ["HOOK_DICTS", "CopyingMethods"]

HOOK_DICTS = {k: v for k, v in vars(HookMethods).items() if isinstance(v, HookDict)}
_CALL_HOOKS = [name for name, hooks in HOOK_DICTS.items() if hooks.calls]


class CopyingMethods:
    """A part of Module."""

    def __getstate__(self) -> dict:
        return {name: value for name, value in self.__dict__.items() if name not in KEPT}

    def __setstate__(self, state: dict) -> None:
        """Takes what ``__getstate__`` gives, and what real torch pickles: three dicts of
        members."""
        own = vars(self)
        state = dict(state)
        own["_kinds"] = state.pop("_kinds", {})
        own["_non_persistent_buffers_set"] = state.pop("_non_persistent_buffers_set", set())
        for kind in KINDS:
            for name, value in state.pop(f"_{kind}s", {}).items():
                own["_kinds"][name] = kind
                own[name] = value
        own.update(state)
        own["_hooked"] = any(own.get(name) for name in _CALL_HOOKS)

    def __copy__(self):
        """A module that shares what is registered with this one, now and later, hooks as well."""
        for name in HOOK_DICTS:
            getattr(self, name)
        twin = type(self).__new__(type(self))
        twin.__setstate__(self.__getstate__())
        vars(twin)["_hooked"] = True  # a hook that either gets is in both's dicts
        if isinstance(vars(twin).get("_kinds"), dict):
            vars(twin)["_kinds"] = dict(self._kinds)
            link(self, twin)
        return twin

    def _replicate_for_data_parallel(self):
        """Another module of the same attributes, without parameters: see ``parallel.replicate``."""
        twin = self.__copy__()
        for kind in KINDS:
            unlink(twin, kind)
        twin._parameters = {}
        vars(twin)["_is_replica"] = True
        return twin

    def __deepcopy__(self, memo):
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        twin.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        return twin
