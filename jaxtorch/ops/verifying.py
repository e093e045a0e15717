"""Checks of values that are still to be computed: they are read when the values are."""

from __future__ import annotations

import jax.numpy as jnp

from jaxtorch.engine.kernels import Complaint
from jaxtorch.engine.trace import is_traced
from jaxtorch.ops._op import Array, check, op


def is_awaited(input) -> bool:
    """Whether ``input`` is well inside a graph that is yet to be computed and differentiated: to
    look at it now would compute a training step in two parts."""
    node = input._read()
    if node.value is not None or not node.requires_grad or is_traced(node):
        return False
    return any(getattr(i, "aval", None) is not None and i.value is None for i in node.inputs)


def verified(holds, text: str, error: type[Exception]):
    """``holds``, all of it, to be kept alive until it is computed: ``error`` is then raised unless
    it is true."""
    complaint = Complaint(text)
    complaint.error = error
    return _verified(holds, complaint)


@op(nondiff=True)
def _verified(holds: Array, complaint: str):
    return check(jnp.all(holds), holds, holds, complaint)
