"""``torch.nn.attention``: which kernels ``scaled_dot_product_attention`` may use.

XLA has one program for it here, which answers for those kernels that PyTorch has on the device:
MATH and FLASH_ATTENTION on the CPU, all of them on a GPU. Where none of them is allowed, it raises
as PyTorch does.
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator

from jaxtorch import left_out
from jaxtorch.nn.attention import bias as bias
from jaxtorch.ops.attention import KERNELS

__all__ = ["SDPBackend", "WARN_FOR_UNFUSED_KERNELS", "bias", "sdpa_kernel"]

WARN_FOR_UNFUSED_KERNELS = False


class SDPBackend(enum.IntEnum):
    """The kernels by PyTorch's names."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4

    __str__ = enum.Enum.__str__


@contextlib.contextmanager
def sdpa_kernel(
    backends: SDPBackend | list[SDPBackend], set_priority: bool = False
) -> Iterator[dict]:
    """Allow these kernels and no others; in which order they are tried makes no difference here."""
    if not isinstance(backends, (list, SDPBackend)):
        raise AssertionError(
            "Backend must be an instance of SDPBackend or a list of SDPBackend instances, got "
            f"{type(backends).__name__}"
        )
    backends = [backends] if isinstance(backends, SDPBackend) else backends
    before, KERNELS.allowed = KERNELS.allowed, frozenset(b.name for b in backends)
    try:
        yield {}
    finally:
        KERNELS.allowed = before


__getattr__ = left_out.attributes_of(__name__)
