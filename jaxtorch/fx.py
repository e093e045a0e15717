"""``torch.fx``: of PyTorch's graph capture only the marks that libraries put on their functions,
and the classes of what a tracer hands around and makes, which they ask their arguments for.

Nothing is captured here, so a mark that is meant for a tracer changes nothing.
"""

from __future__ import annotations

from jaxtorch import left_out

__all__ = ["GraphModule", "Proxy", "has_side_effect", "wrap"]


def wrap(fn_or_name):
    """``fn_or_name`` itself, a function of a module or its name: there is no tracer that would
    have to leave its calls alone. RuntimeError for what is neither."""
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError(f"fx.wrap takes a function or a function's name, got {fn_or_name!r}")
    return fn_or_name


def has_side_effect(fn):
    """``fn`` itself: there is no graph from which its calls could be cleaned away."""
    return fn


class _Captured:
    def __init__(self, *args, **kwargs):
        why = left_out.reason("torch.fx.Graph")
        raise NotImplementedError(f"torch.fx.{type(self).__name__}: {why}")


class Proxy(_Captured):
    """A value while its function is captured: nothing here is one. Making one raises
    NotImplementedError, which says why."""


class GraphModule(_Captured):
    """A module made of a graph: none here is one. Making one raises NotImplementedError, which
    says why."""


__getattr__ = left_out.attributes_of(__name__)
