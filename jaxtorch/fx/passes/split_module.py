"""split_module: the steps of a module divided among submodules."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from jaxtorch.fx.graph import Graph
from jaxtorch.fx.graph_module import GraphModule, _get_attr
from jaxtorch.fx.node import Node, map_arg
from jaxtorch.fx.proxy import Proxy
from jaxtorch.nn.modules.module import Module

__all__ = ["Partition", "split_module"]


class Partition:
    """The steps of one submodule, and what goes in and out of it."""

    def __init__(self, name: str):
        self.name = name
        self.submod_name = f"submod_{name}"
        self.node_names: list[str] = []
        self.inputs: dict[str, None] = {}
        self.outputs: dict[str, None] = {}
        self.dependencies: dict[str, None] = {}
        self.dependents: dict[str, None] = {}
        self.graph = Graph()
        self.environment: dict[Node, Node] = {}
        self.targets: dict[str, Any] = {}

    def __repr__(self) -> str:
        return (
            f"name: {self.name},\n nodes: {self.node_names},\n inputs: {self.inputs},\n outputs: "
            f"{self.outputs},\n partitions depended on: {self.dependencies},\n partition "
            f"dependents: {self.dependents}"
        )


def split_module(
    m: GraphModule,
    root_m: Module,
    split_callback: Callable[[Node], int],
    qualname_map: dict[str, str] | None = None,
    keep_original_order: bool | None = False,
    keep_original_node_name: bool | None = False,
    keep_original_input_name: bool = True,
    *,
    partition_affix: str | None = None,
    tuple_return: bool = False,
) -> GraphModule:
    """A module that calls ``submod_0``, ``submod_1`` …, each of the steps of ``m`` for which
    ``split_callback`` said that number. RuntimeError if two would need each other.

    ``qualname_map`` is filled with the old paths of modules by their new ones.
    """
    if keep_original_order:
        raise NotImplementedError("split_module(keep_original_order=True)")
    partitions: dict[str, Partition] = {}
    of: dict[Node, Partition] = {}
    nodes = {node.name: node for node in m.graph.nodes}
    for node in m.graph.nodes:
        if node.op not in ("placeholder", "get_attr", "output"):
            number = str(split_callback(node))
            name = number if partition_affix is None else f"{partition_affix}_{number}"
            of[node] = partitions.setdefault(name, Partition(name))
            of[node].node_names.append(node.name)
    for node in m.graph.nodes:
        for used in node._input_nodes:
            _note_use(of.get(used), of.get(node), used)
    order = _in_order(partitions)
    for partition in order:
        _take_inputs(partition, nodes, m, keep_original_input_name)
    for node, partition in of.items():
        _take_step(node, partition, m, qualname_map, bool(keep_original_node_name))

    base, values, attributes = Graph(), {}, {}
    for node in m.graph.nodes:
        if node.op == "placeholder":
            default = node.args[0] if node.args else inspect.Signature.empty
            name = node.name if keep_original_node_name else node.target
            made = base.placeholder(name, type_expr=node.type, default_value=default)
        elif node.op == "get_attr":
            made = base.get_attr(node.target)
            attributes[node.target] = _get_attr(m, node.target)
        else:
            continue
        made.meta = node.meta.copy()
        values[node.name] = made
    for partition in order:
        outputs = tuple(partition.environment[nodes[name]] for name in partition.outputs)
        single = len(outputs) == 1 and not tuple_return
        partition.graph.output(outputs[0] if single else outputs)
        attributes[partition.submod_name] = GraphModule(partition.targets, partition.graph)
        call = base.call_module(
            partition.submod_name, tuple(values[name] for name in partition.inputs)
        )
        proxy = Proxy(call)
        for i, name in enumerate(partition.outputs):
            values[name] = call if single else proxy[i].node  # type: ignore[index]
    base.output(map_arg(m.graph.output_node().args[0], lambda n: values[n.name]))
    made = GraphModule(attributes, base)
    made.meta["partition_names"] = {p.submod_name for p in partitions.values()}
    return made


def _note_use(made_in: Partition | None, used_in: Partition | None, node: Node) -> None:
    if made_in is used_in:
        return
    if made_in is not None:
        made_in.outputs.setdefault(node.name)
        if used_in is not None:
            made_in.dependents.setdefault(used_in.name)
            used_in.dependencies.setdefault(made_in.name)
    if used_in is not None:
        used_in.inputs.setdefault(node.name)


def _in_order(partitions: dict[str, Partition]) -> list[Partition]:
    """Each after those that it needs."""
    ready = [name for name, p in partitions.items() if not p.dependencies]
    order = []
    while ready:
        partition = partitions[ready.pop()]
        order.append(partition)
        for dependent in partition.dependents:
            waits = partitions[dependent].dependencies
            waits.pop(partition.name)
            if not waits:
                ready.append(dependent)
    if len(order) != len(partitions):
        raise RuntimeError("cycle exists between partitions!")
    return order


def _take_inputs(partition: Partition, nodes: dict, m: GraphModule, keep_name: bool) -> None:
    """Placeholders for what comes from outside; a module is had, not passed."""
    modules, values = [], []
    for name in partition.inputs:
        node = nodes[name]
        is_module = node.op == "get_attr" and isinstance(_get_attr(m, node.target), Module)
        (modules if is_module else values).append(name)
    for i, name in enumerate(values + modules):
        node = nodes[name]
        if name in modules:
            made = partition.graph.get_attr(node.target)
            partition.targets[node.target] = _get_attr(m, node.target)
        else:
            made = partition.graph.placeholder(
                name if keep_name else f"arg_{i}", type_expr=node.type
            )
        made.meta = node.meta.copy()
        partition.environment[node] = made
    partition.inputs = dict.fromkeys(values)


def _take_step(
    node: Node, partition: Partition, m: GraphModule, qualname_map: dict | None, keep_name: bool
) -> None:
    env, target = partition.environment, node.target
    if node.op == "call_module":
        target = node.target.replace(".", "_")
        partition.targets[target] = _get_attr(m, node.target)
        if qualname_map is not None:
            qualname_map[f"{partition.submod_name}.{target}"] = node.target
    made = partition.graph.create_node(
        node.op, target,
        map_arg(node.args, lambda n: env[n]), map_arg(node.kwargs, lambda n: env[n]),
        name=node.name if keep_name else None, type_expr=node.type,
    )  # fmt: skip
    made.meta = node.meta.copy()
    env[node] = made
