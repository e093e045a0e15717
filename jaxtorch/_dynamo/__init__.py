"""``torch._dynamo``: the names of it that programs use (see ``torch.compiler``)."""

from __future__ import annotations

from collections.abc import Callable

from jaxtorch import left_out
from jaxtorch._dynamo import config as config, eval_frame as eval_frame, exc as exc
from jaxtorch._dynamo.eval_frame import OptimizedModule as OptimizedModule
from jaxtorch.compiled import compile
from jaxtorch.compiler import (
    allow_in_graph as allow_in_graph,
    assume_constant_result as assume_constant_result,
    disable as disable,
    is_compiling as is_compiling,
    list_backends as list_backends,
    reset as reset,
    set_stance as set_stance,
    substitute_in_graph as substitute_in_graph,
)


def optimize(
    backend: str | Callable = "inductor", *, nopython: bool = False, disable: bool = False,
    dynamic: bool | None = None,
) -> Callable:  # fmt: skip
    """The older spelling of ``torch.compile(backend=..., fullgraph=nopython)``, a decorator."""
    return compile(backend=backend, fullgraph=nopython, disable=disable, dynamic=dynamic)


def graph_break(msg: str = "") -> None:
    """There is no graph of Python to break."""


def disallow_in_graph(fn: Callable) -> Callable:
    return fn


forbid_in_graph = disallow_in_graph


def mark_dynamic(t, index, *, hint_override=None, min=None, max=None, specialize_on=None) -> None:
    """XLA compiles a program for each shape, whatever is marked."""


maybe_mark_dynamic = mark_static = mark_static_address = mark_dynamic

__getattr__ = left_out.attributes_of(__name__)
