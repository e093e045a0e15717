"""How a tensor lies on several devices; XLA's partitioner does the rest."""

from __future__ import annotations

from typing import Any

from jax import lax

from jaxtorch.ops._op import Array, op

__all__ = ["shard"]


@op(name="ShardBackward0")
def shard(input: Array, sharding: Any):
    """``input`` laid out as a ``jax.sharding.Sharding`` says."""
    return lax.with_sharding_constraint(input, sharding)
