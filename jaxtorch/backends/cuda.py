"""``torch.backends.cuda``: TF32 and attention on GPUs."""

from __future__ import annotations

import contextlib

from jaxtorch import devices, settings
from jaxtorch.backends._flags import fixed

__all__ = [
    "cudnn_sdp_enabled", "enable_cudnn_sdp", "enable_flash_sdp", "enable_math_sdp",
    "enable_mem_efficient_sdp", "flash_sdp_enabled", "is_built", "math_sdp_enabled", "matmul",
    "mem_efficient_sdp_enabled", "sdp_kernel",
]  # fmt: skip


def is_built() -> bool:
    """Whether JAX can use a GPU: it sees one."""
    return bool(devices.platform_devices("cuda"))


class _Matmul:
    """``allow_tf32`` is the process's precision of float32 products, as
    ``set_float32_matmul_precision`` sets it."""

    __name__ = "torch.backends.cuda.matmul"
    _wide = "XLA sums products of half types in float32"
    allow_fp16_reduced_precision_reduction = fixed(
        "allow_fp16_reduced_precision_reduction", False, _wide
    )
    allow_bf16_reduced_precision_reduction = fixed(
        "allow_bf16_reduced_precision_reduction", False, _wide
    )
    allow_fp16_accumulation = fixed("allow_fp16_accumulation", False, _wide)

    @property
    def allow_tf32(self) -> bool:
        return settings.get_float32_matmul_precision() != "highest"

    @allow_tf32.setter
    def allow_tf32(self, value: bool) -> None:
        settings.set_float32_matmul_precision("high" if value else "highest")

    @property
    def fp32_precision(self) -> str:
        return "tf32" if self.allow_tf32 else "ieee"

    @fp32_precision.setter
    def fp32_precision(self, value: str) -> None:
        if value not in ("ieee", "tf32", "none"):
            raise RuntimeError(f"Invalid precision: {value!r}; it is 'ieee', 'tf32' or 'none'")
        self.allow_tf32 = value == "tf32"


matmul = _Matmul()

# Which attention kernels may be used. All give the same results, and XLA chooses by device and
# shapes: what is said here is for programs that ask.
_kernels = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}


def enable_flash_sdp(enabled: bool) -> None:
    _kernels["flash"] = bool(enabled)


def enable_mem_efficient_sdp(enabled: bool) -> None:
    _kernels["mem_efficient"] = bool(enabled)


def enable_math_sdp(enabled: bool) -> None:
    _kernels["math"] = bool(enabled)


def enable_cudnn_sdp(enabled: bool) -> None:
    _kernels["cudnn"] = bool(enabled)


def flash_sdp_enabled() -> bool:
    return _kernels["flash"]


def mem_efficient_sdp_enabled() -> bool:
    return _kernels["mem_efficient"]


def math_sdp_enabled() -> bool:
    return _kernels["math"]


def cudnn_sdp_enabled() -> bool:
    return _kernels["cudnn"]


@contextlib.contextmanager
def sdp_kernel(
    enable_flash: bool = True, enable_math: bool = True, enable_mem_efficient: bool = True,
    enable_cudnn: bool = True,
):  # fmt: skip
    """The four switches for the length of a ``with`` block."""
    before = dict(_kernels)
    _kernels.update(
        flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient, cudnn=enable_cudnn
    )
    try:
        yield {}
    finally:
        _kernels.update(before)
