"""The random numbers that samples are made of, from PyTorch's own stream."""

from __future__ import annotations

from jaxtorch.ops.creation import empty
from jaxtorch.ops.sampling import rand, randn


def normal_noise(shape, like):
    """Standard normals in the dtype and on the device of ``like``."""
    return randn(shape, dtype=like.dtype, device=like.device)


def uniform_noise(shape, like, low: float = 0.0, high: float = 1.0):
    """Uniforms in [low, high)."""
    if (low, high) == (0.0, 1.0):
        return rand(shape, dtype=like.dtype, device=like.device)
    return blank(shape, like).uniform_(low, high)


def blank(shape, like):
    """A tensor to draw into."""
    return empty(shape, dtype=like.dtype, device=like.device)
