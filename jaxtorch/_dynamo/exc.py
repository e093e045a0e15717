"""``torch._dynamo.exc``: the errors of ``torch.compile`` that programs catch by name."""

from jaxtorch.exceptions import InvalidBackend, TorchDynamoException

__all__ = [
    "BackendCompilerFailed", "InvalidBackend", "TorchDynamoException", "TorchRuntimeError",
    "Unsupported", "UserError",
]  # fmt: skip


class BackendCompilerFailed(TorchDynamoException):
    """Never raised: an error of XLA's comes as JAX raises it."""


class TorchRuntimeError(TorchDynamoException):
    """Never raised: an error in a compiled function comes as it is, on the line that made it."""


class Unsupported(TorchDynamoException):
    """Never raised: any Python may stand in a compiled function."""


class UserError(TorchDynamoException):
    """Never raised, see Unsupported."""
