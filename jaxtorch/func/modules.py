"""Modules as functions of their parameters and buffers."""

from __future__ import annotations

from jaxtorch.tensor import Tensor

__all__ = ["functional_call", "replace_all_batch_norm_modules_", "stack_module_state"]


def functional_call(
    module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights: bool = True,
    strict: bool = False,
):  # fmt: skip
    """``module(*args, **kwargs)`` with the given Tensors (by name) as its parameters and buffers.

    What the call writes to a buffer is written to the given one; the module itself keeps its own.
    """
    given: dict = {}
    dicts = parameter_and_buffer_dicts
    for d in dicts if isinstance(dicts, (list, tuple)) else (dicts,):
        if repeated := given.keys() & d.keys():
            raise ValueError(f"{sorted(repeated)} appeared in multiple dictionaries")
        given.update(d)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    handles = _handles(module)
    if unknown := [name for name in given if name not in handles]:
        raise RuntimeError(f"Unexpected key(s): {', '.join(map(repr, unknown))}.")
    if strict and (missing := handles.keys() - given.keys()):
        raise RuntimeError(f"Missing key(s): {', '.join(map(repr, sorted(missing)))}.")
    swapped = {}
    for name, value in given.items():
        handle = handles[name]
        if id(handle) in swapped and not tie_weights:
            raise NotImplementedError("functional_call(tie_weights=False) with tied weights")
        value = value if isinstance(value, Tensor) else Tensor(value)
        swapped.setdefault(id(handle), (handle, _Swap(handle, value)))
    try:
        return module(*args, **(kwargs or {}))
    finally:
        for handle, swap in swapped.values():
            swap.undo(handle)


def _handles(module) -> dict[str, Tensor]:
    named = dict(module.named_parameters(remove_duplicate=False))
    named.update(module.named_buffers(remove_duplicate=False))
    return named


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
        self.version = handle._version

    def undo(self, handle: Tensor) -> None:
        if handle._version != self.version:
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
