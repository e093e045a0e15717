"""Graphs made cheaper for inference: batch norms folded into the layer before, no dropout."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from jaxtorch.fx._symbolic_trace import symbolic_trace
from jaxtorch.fx.graph import Graph
from jaxtorch.fx.graph_module import GraphModule
from jaxtorch.fx.interpreter import Transformer
from jaxtorch.fx.node import Node
from jaxtorch.nn.modules.batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from jaxtorch.nn.modules.conv import Conv1d, Conv2d, Conv3d
from jaxtorch.nn.modules.dropout import Dropout
from jaxtorch.nn.modules.linear import Linear
from jaxtorch.nn.modules.module import Module
from jaxtorch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

__all__ = [
    "extract_subgraph", "fuse", "matches_module_pattern", "remove_dropout", "replace_node_module",
]  # fmt: skip

_FUSED = (
    (Conv1d, BatchNorm1d), (Conv2d, BatchNorm2d), (Conv3d, BatchNorm3d), (Linear, BatchNorm1d),
)  # fmt: skip


def matches_module_pattern(pattern: Iterable[type], node: Node, modules: dict[str, Module]) -> bool:
    """Is ``node`` a call of a module of the pattern's second class on one of its first?"""
    if not node.args:
        return False
    for kind, step in zip(pattern, (node.args[0], node), strict=False):
        if not isinstance(step, Node) or step.op != "call_module":
            return False
        if type(modules.get(step.target)) is not kind:
            return False
    return True


def replace_node_module(node: Node, modules: dict[str, Module], new_module: Module) -> None:
    """Put another module where ``node`` calls one."""
    parent, _, name = node.target.rpartition(".")
    modules[node.target] = new_module
    setattr(modules[parent], name, new_module)


def fuse(model: Module, inplace: bool = False, no_trace: bool = False) -> Module:
    """The model (in eval mode) with each batch norm behind a convolution or Linear folded into
    its weights. It is copied unless ``inplace``; a GraphModule is taken as it is by ``no_trace``.
    """
    if not inplace:
        model = copy.deepcopy(model)
    is_graph = no_trace and isinstance(model, GraphModule)
    traced: Any = model if is_graph else symbolic_trace(model)
    modules = dict(traced.named_modules())
    graph = copy.deepcopy(traced.graph)
    for pattern in _FUSED:
        for node in graph.nodes:
            if not matches_module_pattern(pattern, node, modules):
                continue
            before = node.args[0]
            layer, norm = modules[before.target], modules[node.target]
            if len(before.users) > 1 or not norm.track_running_stats:
                continue
            fold = fuse_linear_bn_eval if pattern[0] is Linear else fuse_conv_bn_eval
            replace_node_module(before, modules, fold(layer, norm))
            node.replace_all_uses_with(before)
            graph.erase_node(node)
    return GraphModule(traced, graph)


class _WithoutDropout(Transformer):
    def call_module(self, target, args, kwargs):
        if isinstance(self.submodules[target], Dropout):
            return args[0]
        return super().call_module(target, args, kwargs)


def remove_dropout(model: Module) -> Module:
    """The model without its Dropout layers."""
    return _WithoutDropout(symbolic_trace(model)).transform()


def extract_subgraph(
    orig_module: Module, nodes: list[Node], inputs: list[Node], outputs: list[Node]
) -> GraphModule:
    """A module of some nodes of ``orig_module``'s graph, from ``inputs`` to ``outputs``."""
    graph = Graph()
    env: dict[Node, Node] = {node: graph.placeholder(node.name) for node in inputs}
    for node in nodes:
        env[node] = graph.node_copy(node, lambda n: env[n])
    graph.output([env[node] for node in outputs])
    graph.lint()
    return GraphModule(orig_module, graph)
