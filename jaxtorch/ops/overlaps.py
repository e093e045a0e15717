"""Whether what is written to lies partly on what is read, as PyTorch asks before it computes."""

from __future__ import annotations

from jaxtorch.engine.handles import TensorBase
from jaxtorch.ops.strides import _strides, storage_offset


def refuse_partial_overlap(written, read) -> None:
    """torch's refusal to write element by element to a view while reading another, of the same
    base, that shares some of its elements but not all: what came out would depend on the order."""
    if _root(written) is not _root(read):
        return
    spans = []
    for x in (written, read):
        lying = sorted((s, n) for n, s in zip(x.shape, _strides(x), strict=True) if n != 1)
        dense = all(s == step for (s, _), step in zip(lying, _steps(lying), strict=True))
        if not dense or not x.numel():
            return  # too hard to tell, also for torch
        start = storage_offset(x)
        spans.append((start, start + x.numel()))
    (a, b), (c, d) = spans
    if a < d and c < b and (a, b) != (c, d):
        raise RuntimeError(
            "unsupported operation: some elements of the input tensor and the written-to tensor "
            "refer to a single memory location. Please clone() the tensor before performing the "
            "operation."
        )


def _steps(lying) -> list:
    """The strides that sizes ordered from the nearest would have without gaps."""
    found, step = [], 1
    for _, n in lying:
        found.append(step)
        step *= n
    return found


def _root(x):
    while isinstance(x._base, TensorBase):
        x = x._base
    return x
