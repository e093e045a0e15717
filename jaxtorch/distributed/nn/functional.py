"""Collectives that return their results: of one process, what it gave."""

from __future__ import annotations

from jaxtorch.distributed._collectives import ReduceOp, _checked, _one

__all__ = [
    "all_gather", "all_reduce", "all_to_all", "broadcast", "gather", "reduce", "reduce_scatter",
    "scatter",
]  # fmt: skip


def all_reduce(tensor, op=ReduceOp.SUM, group=None):
    _checked(group, op=op)
    return tensor


def reduce(tensor, dst: int, op=ReduceOp.SUM, group=None):
    _checked(group, dst, op)
    return tensor


def broadcast(tensor, src: int, group=None):
    _checked(group, src)
    return tensor


def all_gather(tensor, group=None) -> tuple:
    _checked(group)
    return (tensor,)


def gather(tensor, dst: int = 0, group=None) -> tuple:
    _checked(group, dst)
    return (tensor,)


def scatter(tensors, src: int = 0, group=None):
    _checked(group, src)
    return _one(tensors, "scatter(tensors)")


def reduce_scatter(output, input_list, op=ReduceOp.SUM, group=None):
    """The one tensor of the list; ``output`` is for its shape alone, as in torch."""
    _checked(group, op=op)
    return _one(input_list, "reduce_scatter(input_list)")


def all_to_all(output_tensor_list, input_tensor_list, group=None) -> tuple:
    _checked(group)
    return (_one(input_tensor_list, "all_to_all(input_tensor_list)"),)
