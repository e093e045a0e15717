"""The exceptions that programs know by torch's names."""

from __future__ import annotations

__all__ = [
    "AcceleratorError", "DistBackendError", "DistError", "DistNetworkError", "DistStoreError",
    "InvalidBackend", "OutOfBoundsError", "OutOfMemoryError", "TorchDynamoException",
    "is_out_of_memory",
]  # fmt: skip


class AcceleratorError(RuntimeError):
    """A device failed while it ran a program."""


class OutOfMemoryError(RuntimeError):
    """A device has not the memory that a program asks for."""


class OutOfBoundsError(IndexError, RuntimeError):
    """An index of gather or scatter is out of range: what every op raises for that, and what
    PyTorch raises for these two."""


class DistError(RuntimeError):
    """Something went wrong between processes. Never raised: there is one process."""


class DistBackendError(DistError):
    """See DistError."""


class DistNetworkError(DistError):
    """See DistError."""


class DistStoreError(DistError):
    """See DistError."""


class TorchDynamoException(RuntimeError):
    """What ``torch.compile`` raises of its own."""


class InvalidBackend(TorchDynamoException):
    """``torch.compile`` is asked for a compiler by a name that none has."""


InvalidBackend.__module__ = TorchDynamoException.__module__ = "torch._dynamo.exc"
OutOfMemoryError.__module__ = AcceleratorError.__module__ = "torch"


def is_out_of_memory(error: Exception) -> bool:
    """Does an error of XLA's say that memory ran out?"""
    return "RESOURCE_EXHAUSTED" in str(error)
