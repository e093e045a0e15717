"""``torch.fx``: programs captured as graphs of Python calls, to be looked at and rewritten.

``symbolic_trace`` runs a program on proxies (``proxy``, ``_symbolic_trace``) and records a Graph
(``graph``, ``node``), of which a GraphModule makes Python code again (``codegen``,
``graph_module``). XLA knows nothing of it: the code that is generated is run as any other.
"""

from jaxtorch import left_out
from jaxtorch.fx import immutable_collections as immutable_collections
from jaxtorch.fx._symbolic_trace import (
    PH as PH,
    ProxyableClassMeta as ProxyableClassMeta,
    Tracer,
    symbolic_trace,
    wrap,
)
from jaxtorch.fx.graph import CodeGen as CodeGen, Graph
from jaxtorch.fx.graph_module import GraphModule
from jaxtorch.fx.interpreter import Interpreter, Transformer
from jaxtorch.fx.node import Node, has_side_effect, map_arg
from jaxtorch.fx.proxy import Proxy
from jaxtorch.fx.subgraph_rewriter import replace_pattern

__all__ = [
    "Graph", "GraphModule", "Interpreter", "Node", "Proxy", "Tracer", "Transformer",
    "has_side_effect", "map_arg", "replace_pattern", "symbolic_trace", "wrap",
]  # fmt: skip

__getattr__ = left_out.attributes_of(__name__)
