"""Collective operations among the processes of a group of one: what each process would send to all
is what it has itself."""

from __future__ import annotations

import copy
import enum
from typing import Any

from jaxtorch.distributed._groups import SEVERAL, _made

__all__ = [
    "P2POp", "ReduceOp", "Work", "all_gather", "all_gather_coalesced", "all_gather_into_tensor",
    "all_gather_object", "all_reduce", "all_reduce_coalesced", "all_to_all", "all_to_all_single",
    "barrier", "batch_isend_irecv", "broadcast", "broadcast_object_list", "gather",
    "gather_object", "irecv", "isend", "monitored_barrier", "recv", "recv_object_list", "reduce",
    "reduce_op", "reduce_scatter", "reduce_scatter_tensor", "scatter", "scatter_object_list",
    "send", "send_object_list",
]  # fmt: skip


class ReduceOp(enum.Enum):
    """How values of several processes become one; of one process it is the value itself."""

    SUM, AVG, PRODUCT, MIN, MAX, BAND, BOR, BXOR, PREMUL_SUM = range(9)

    def __str__(self) -> str:
        return f"RedOpType.{self.name}"


ReduceOp.RedOpType = ReduceOp  # PyTorch's enum of the ops, apart from the class around one of them
reduce_op = ReduceOp


class Work:
    """An operation that was asked for with ``async_op=True``: it is done already."""

    def wait(self, timeout=None) -> bool:
        return True

    def is_completed(self) -> bool:
        return True

    def is_success(self) -> bool:
        return True

    def synchronize(self) -> None:
        """Nothing is left to wait for."""

    def get_future(self):
        raise NotImplementedError("Work.get_future(): call wait()")


def _done(async_op: bool) -> Work | None:
    return Work() if async_op else None


def _checked(group: Any, root: int | None = None, op: Any = ReduceOp.SUM) -> None:
    _made(group)
    if root not in (None, 0):
        raise RuntimeError(f"invalid root rank: {root}, the only process has rank 0")
    if op is ReduceOp.PREMUL_SUM:
        raise NotImplementedError("ReduceOp.PREMUL_SUM: multiply before the call")


def _one(tensors, what: str):
    if len(tensors) != 1:
        raise ValueError(f"{what} of a group of 1 process has 1 tensor, got {len(tensors)}")
    return tensors[0]


def all_reduce(tensor, op=ReduceOp.SUM, group=None, async_op: bool = False):
    """The tensor stays as it is."""
    _checked(group, op=op)
    return _done(async_op)


def all_reduce_coalesced(tensors, op=ReduceOp.SUM, group=None, async_op: bool = False):
    _checked(group, op=op)
    return _done(async_op)


def reduce(tensor, dst=None, op=ReduceOp.SUM, group=None, async_op: bool = False, group_dst=None):
    _checked(group, dst if group_dst is None else group_dst, op)
    return _done(async_op)


def broadcast(tensor, src=None, group=None, async_op: bool = False, group_src=None):
    """The tensor stays as it is."""
    _checked(group, src if group_src is None else group_src)
    return _done(async_op)


def broadcast_object_list(object_list, src=None, group=None, device=None, group_src=None) -> None:
    _checked(group, src if group_src is None else group_src)


def all_gather(tensor_list, tensor, group=None, async_op: bool = False):
    """Write the tensor to the one in the list."""
    _checked(group)
    _one(tensor_list, "all_gather(tensor_list)").copy_(tensor.detach())
    return _done(async_op)


def all_gather_coalesced(output_tensor_lists, input_tensor_list, group=None, async_op=False):
    _checked(group)
    for outputs, tensor in zip(output_tensor_lists, input_tensor_list, strict=True):
        all_gather(outputs, tensor, group)
    return _done(async_op)


def all_gather_into_tensor(output_tensor, input_tensor, group=None, async_op: bool = False):
    """Write the tensor to the other, which is as long or has a dimension of 1 more."""
    _checked(group)
    output_tensor.copy_(input_tensor.detach().reshape(output_tensor.shape))
    return _done(async_op)


def all_gather_object(object_list, obj, group=None) -> None:
    """Put a copy of the object where the process's own is to be."""
    _checked(group)
    _one(object_list, "all_gather_object(object_list)")
    object_list[0] = copy.deepcopy(obj)


def gather(
    tensor, gather_list=None, dst=None, group=None, async_op: bool = False, group_dst=None
):  # fmt: skip
    _checked(group, dst if group_dst is None else group_dst)
    if gather_list is None:
        raise ValueError("Argument ``gather_list`` must be specified on destination rank.")
    _one(gather_list, "gather(gather_list)").copy_(tensor.detach())
    return _done(async_op)


def gather_object(obj, object_gather_list=None, dst=None, group=None, group_dst=None) -> None:
    _checked(group, dst if group_dst is None else group_dst)
    if object_gather_list is None:
        raise ValueError("Argument ``object_gather_list`` must be specified on destination rank.")
    all_gather_object(object_gather_list, obj, group)


def scatter(
    tensor, scatter_list=None, src=None, group=None, async_op: bool = False, group_src=None
):  # fmt: skip
    _checked(group, src if group_src is None else group_src)
    if scatter_list is None:
        raise ValueError("Argument ``scatter_list`` must be specified on source rank.")
    tensor.copy_(_one(scatter_list, "scatter(scatter_list)").detach())
    return _done(async_op)


def scatter_object_list(
    scatter_object_output_list, scatter_object_input_list=None, src=None, group=None,
    group_src=None,
) -> None:  # fmt: skip
    _checked(group, src if group_src is None else group_src)
    if scatter_object_input_list is None:
        raise ValueError("Argument ``scatter_object_input_list`` must be specified on source rank.")
    given = _one(scatter_object_input_list, "scatter_object_list(scatter_object_input_list)")
    scatter_object_output_list[0] = copy.deepcopy(given)


def reduce_scatter(output, input_list, op=ReduceOp.SUM, group=None, async_op: bool = False):
    _checked(group, op=op)
    output.copy_(_one(input_list, "reduce_scatter(input_list)").detach())
    return _done(async_op)


def reduce_scatter_tensor(output, input, op=ReduceOp.SUM, group=None, async_op: bool = False):
    _checked(group, op=op)
    output.copy_(input.detach().reshape(output.shape))
    return _done(async_op)


def all_to_all(output_tensor_list, input_tensor_list, group=None, async_op: bool = False):
    _checked(group)
    given = _one(input_tensor_list, "all_to_all(input_tensor_list)")
    _one(output_tensor_list, "all_to_all(output_tensor_list)").copy_(given.detach())
    return _done(async_op)


def all_to_all_single(
    output, input, output_split_sizes=None, input_split_sizes=None, group=None,
    async_op: bool = False,
):  # fmt: skip
    _checked(group)
    for sizes in (output_split_sizes, input_split_sizes):
        if sizes:
            _one(sizes, "all_to_all_single(split sizes)")
    output.copy_(input.detach().reshape(output.shape))
    return _done(async_op)


def barrier(group=None, async_op: bool = False, device_ids=None, timeout=None):
    """Nobody has to be waited for."""
    _checked(group)
    return _done(async_op)


def monitored_barrier(group=None, timeout=None, wait_all_ranks: bool = False) -> None:
    _checked(group)


# -- from one process to another: there is no other -----------------------------------------------


def _nobody(name: str):
    def refuse(*args, group=None, **kwargs):
        _made(group)
        raise ValueError(SEVERAL.format(what=f"{name} has nobody to talk to"))

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = "Raises ValueError: there is no other process."
    return refuse


send, recv, isend, irecv = map(_nobody, ("send", "recv", "isend", "irecv"))
send_object_list, recv_object_list = map(_nobody, ("send_object_list", "recv_object_list"))
batch_isend_irecv = _nobody("batch_isend_irecv")


class P2POp:
    """One ``isend`` or ``irecv`` of a batch; there is no peer."""

    def __init__(self, op, tensor, peer=None, group=None, tag: int = 0, group_peer=None):
        op(tensor, peer, group=group)
