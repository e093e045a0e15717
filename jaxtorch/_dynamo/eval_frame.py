"""``OptimizedModule``, which ``torch.compile`` wraps a module in."""

from jaxtorch.compiled import OptimizedModule

__all__ = ["OptimizedModule"]
