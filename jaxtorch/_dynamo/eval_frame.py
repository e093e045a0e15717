"""``OptimizedModule``, which ``torch.compile`` wraps a module in: here it hands out the module."""

from jaxtorch.nn.modules.module import Module

__all__ = ["OptimizedModule"]


class OptimizedModule(Module):
    """No module is one: ``torch.compile(net)`` is ``net``."""
