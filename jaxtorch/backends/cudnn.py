"""``torch.backends.cudnn``: XLA calls cuDNN on NVIDIA GPUs, and measures its algorithms once for
each shape."""

from __future__ import annotations

from jaxtorch import devices, settings
from jaxtorch.backends._flags import Flags, become, fixed

__all__ = ["is_acceptable", "is_available", "version"]


def is_available() -> bool:
    return bool(devices.platform_devices("cuda"))


def version() -> int | None:
    """cuDNN's version, as 90100; None where JAX has no GPU."""
    if not is_available():
        return None
    from jax._src.lib import cuda_versions

    return None if cuda_versions is None else cuda_versions.cudnn_get_version()


def is_acceptable(tensor) -> bool:
    """Is this a tensor that XLA may give to cuDNN?"""
    return tensor.is_cuda and tensor.dtype.is_floating_point


class _Cudnn(Flags):
    _names = ("enabled", "benchmark", "benchmark_limit", "deterministic", "allow_tf32")
    benchmark = False  # is read by programs alone: XLA always measures
    benchmark_limit = fixed("benchmark_limit", 10, "XLA measures all algorithms")
    enabled = fixed("enabled", True, "XLA chooses between cuDNN and its own kernels")

    @property
    def deterministic(self) -> bool:
        return settings.are_deterministic_algorithms_enabled()

    @deterministic.setter
    def deterministic(self, value: bool) -> None:
        settings.use_deterministic_algorithms(value)

    @property
    def allow_tf32(self) -> bool:
        return settings.get_float32_matmul_precision() != "highest"

    @allow_tf32.setter
    def allow_tf32(self, value: bool) -> None:
        settings.set_float32_matmul_precision("high" if value else "highest")


become(__name__, _Cudnn)
