"""Causal masks that say of which kind they are, for queries and keys of unequal lengths."""

from __future__ import annotations

import enum
import warnings

from jaxtorch.ops import creation
from jaxtorch.tensor import Tensor

__all__ = ["CausalBias", "CausalVariant", "causal_lower_right", "causal_upper_left"]


class CausalVariant(enum.IntEnum):
    """Where the diagonal ends: in the upper left corner or in the lower right one."""

    UPPER_LEFT = 1
    LOWER_RIGHT = 2


class CausalBias(Tensor):
    """True where a query (seq_len_q rows) may look at a key (seq_len_kv columns)."""

    def __new__(cls, variant: CausalVariant, seq_len_q: int, seq_len_kv: int):
        if not isinstance(variant, CausalVariant):
            raise AssertionError(f"variant must be a CausalVariant, got {type(variant).__name__}")
        lower_right = variant is CausalVariant.LOWER_RIGHT
        if lower_right and seq_len_q > seq_len_kv:
            warnings.warn(
                "Lower right causal bias will produce NaNs in the output when seq_len_q > "
                "seq_len_kv!",
                stacklevel=2,
            )
        everywhere = creation.ones((seq_len_q, seq_len_kv)).bool()
        made = everywhere.tril(seq_len_kv - seq_len_q if lower_right else 0).as_subclass(cls)
        made.variant, made.seq_len_q, made.seq_len_kv = variant, seq_len_q, seq_len_kv
        return made

    def __init__(self, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> None:
        pass

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        """What is made of a bias is a plain Tensor."""
        plain = [a.as_subclass(Tensor) if isinstance(a, CausalBias) else a for a in args]
        named = {
            k: v.as_subclass(Tensor) if isinstance(v, CausalBias) else v
            for k, v in (kwargs or {}).items()
        }
        return func(*plain, **named)


def causal_upper_left(*size: int) -> CausalBias:
    """The usual causal mask (L, S): position i looks at 0 to i."""
    if len(size) != 2:
        raise AssertionError(f"causal_upper_left only supports 2D tensors, got {len(size)}D")
    return CausalBias(CausalVariant.UPPER_LEFT, *size)


def causal_lower_right(*size: int) -> CausalBias:
    """The causal mask (L, S) of the last L of S positions: i looks at 0 to S - L + i."""
    if len(size) != 2:
        raise AssertionError(f"causal_lower_right only supports 2D tensors, got {len(size)}D")
    return CausalBias(CausalVariant.LOWER_RIGHT, *size)
