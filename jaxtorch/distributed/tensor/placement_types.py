"""How a DTensor would lie along one dimension of a mesh: plain values, which plans are made of."""

from __future__ import annotations

import dataclasses
import operator

__all__ = ["Partial", "Placement", "Replicate", "Shard"]


class Placement:
    """The base of the three."""

    def is_shard(self, dim: int | None = None) -> bool:
        """Whether it is a Shard, of this dimension if one is given."""
        return isinstance(self, Shard) and dim in (None, self.dim)

    def is_replicate(self) -> bool:
        return isinstance(self, Replicate)

    def is_partial(self, reduce_op: str | None = None) -> bool:
        """Whether it is a Partial, by this reduction if one is given."""
        return isinstance(self, Partial) and reduce_op in (None, self.reduce_op)


@dataclasses.dataclass(frozen=True)
class Shard(Placement):
    """Each process has a piece of dimension ``dim``."""

    dim: int

    def __post_init__(self):
        operator.index(self.dim)

    def __str__(self) -> str:
        return f"S({self.dim})"


@dataclasses.dataclass(frozen=True)
class Replicate(Placement):
    """Each process has all of it."""

    def __str__(self) -> str:
        return "R"


@dataclasses.dataclass(frozen=True, repr=False)
class Partial(Placement):
    """Each process has a term of it; ``reduce_op`` ("sum", "avg", ...) makes one of them."""

    reduce_op: str = "sum"

    def __repr__(self) -> str:
        return f"Partial({self.reduce_op})"

    def __str__(self) -> str:
        return f"P({self.reduce_op})"
