"""Modules as functions of their parameters and buffers."""

from __future__ import annotations

from collections.abc import Mapping, Set

import jax
import numpy as np

from jaxtorch.tensor import Tensor

__all__ = ["functional_call", "replace_all_batch_norm_modules_", "stack_module_state"]


def functional_call(
    module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights: bool = True,
    strict: bool = False,
):  # fmt: skip
    """``module(*args, **kwargs)`` with the given Tensors (by name) as its parameters and buffers.

    A tensor that the module has under several names is given under one, and is the same under all;
    with ``tie_weights=False`` it is given under each. What the call writes to a buffer is written
    to the given one; the module itself keeps its own. ``strict`` wants all names, and no others.
    """
    given = _joined(parameter_and_buffer_dicts)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    buffers = dict(module.named_buffers(remove_duplicate=False))
    handles = dict(module.named_parameters(remove_duplicate=False)) | buffers
    tied = _tied(handles)
    if strict:
        also = {n for name in given for n in tied.get(name, ())} if tie_weights else set()
        _check_names(module, given, handles, given.keys() | also)
    places, swapped = [], []
    for name, value in given.items():
        handle, names = handles.get(name), tied.get(name, (name,))
        if handle is None or (len(names) > 1 and not tie_weights):
            places.append((*_place(module, name), value))
            continue
        if len(names) > 1 and any(given.get(n, value) is not value for n in names):
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(given.keys() & names)}, "
                "which are tied. Consider using tie_weights=False"
            )
        swapped.append((handle, value))
        if name in buffers:  # which forward may assign anew
            places += [(*_place(module, n), handle) for n in names]
    before = [(own, name, own.get(name, _ABSENT)) for own, name, _ in places]
    swaps = []
    try:
        for own, name, value in places:
            own[name] = value
        for handle, value in swapped:
            swaps.append((handle, _Swap(handle, value)))
        return module(*args, **(kwargs or {}))
    finally:
        for handle, swap in reversed(swaps):
            swap.undo(handle)
        for own, name, value in reversed(before):
            if value is _ABSENT:
                own.pop(name, None)
            else:
                own[name] = value


def _tied(handles: dict[str, Tensor]) -> dict[str, set[str]]:
    """All names of a tensor, by each of them, for those that have more than one."""
    by_id: dict[int, set[str]] = {}
    if len(set(map(id, handles.values()))) < len(handles):
        for name, handle in handles.items():
            by_id.setdefault(id(handle), set()).add(name)
    return {name: names for names in by_id.values() if len(names) > 1 for name in names}


def _joined(dicts) -> dict[str, Tensor]:
    """One dict of Tensors from one or several."""
    if not isinstance(dicts, Mapping | list | tuple):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(dicts)}"
        )
    given: dict = {}
    for d in (dicts,) if isinstance(dicts, Mapping) else dicts:
        if repeated := given.keys() & d.keys():
            raise ValueError(
                f"{sorted(repeated)} appeared in multiple dictionaries; behavior of functional "
                "call is ambiguous"
            )
        given.update(d)
    for name, value in given.items():
        if not isinstance(value, Tensor):
            if not isinstance(value, jax.Array | np.ndarray):
                raise TypeError(f"{value} is not an instance of torch.Tensor")
            given[name] = Tensor(value)
    return given


def _check_names(module, given: dict, handles: dict, reached: Set[str]) -> None:
    wrong = []
    if unexpected := [name for name in given if name not in handles]:
        wrong.append(f"Unexpected key(s): {', '.join(map(repr, unexpected))}.")
    if missing := [name for name in handles if name not in reached]:
        wrong.append(f"Missing key(s): {', '.join(map(repr, missing))}.")
    if wrong:
        text = "\n\t".join(wrong)
        raise RuntimeError(f"Error(s) in reparametrizing for {type(module).__name__}:\n\t{text}")


_ABSENT = object()


def _place(module, target: str) -> tuple[dict, str]:
    """The attributes among which a dotted name is one, and its last part."""
    path, _, name = target.rpartition(".")
    parent = module.get_submodule(path)
    known = getattr(parent, name, None)
    if known is not None and not isinstance(known, Tensor):
        raise TypeError(f"attribute `{name}`: {known} is not an instance of torch.Tensor")
    return vars(parent), name


class _Swap:
    """Another Tensor's value and history in a handle, until it is undone."""

    names = ("_node", "_ticket", "_meta", "_base", "_steps", "_seen", "_trace", "_storage")

    def __init__(self, handle: Tensor, given: Tensor):
        self.given = given
        self.kept = {k: v for k, v in vars(handle).items() if k in self.names}
        node = given._read()
        for k in self.names:
            handle.__dict__.pop(k, None)
        handle.__dict__["_meta"] = given._meta
        Tensor._bind(handle, node)
        self.version = handle._moves

    def undo(self, handle: Tensor) -> None:
        if handle._moves != self.version:
            self.given._set(handle._node)
        for k in self.names:
            handle.__dict__.pop(k, None)
        handle.__dict__.update(self.kept)


def stack_module_state(models) -> tuple[dict, dict]:
    """(parameters, buffers) of alike modules, stacked along a new first dimension, for ``vmap``."""
    from jaxtorch.ops.shaping import stack

    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    parameters = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]
    return (
        {k: stack([p[k].detach() for p in parameters]).requires_grad_() for k in parameters[0]},
        {k: stack([b[k] for b in buffers]) for k in buffers[0]},
    )


def replace_all_batch_norm_modules_(root):
    """Make every batch norm in a module normalise by the batch alone, without running statistics,
    which ``vmap`` could not write to; returns the module."""
    from jaxtorch.nn.modules.batchnorm import _BatchNorm

    for module in root.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root
