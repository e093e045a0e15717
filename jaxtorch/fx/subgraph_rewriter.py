"""replace_pattern: wherever a graph does what one function does, have it do another."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from jaxtorch.fx._symbolic_trace import symbolic_trace
from jaxtorch.fx.graph import Graph
from jaxtorch.fx.graph_module import GraphModule
from jaxtorch.fx.node import Node
from jaxtorch.fx.passes.utils.matcher_utils import InternalMatch, SubgraphMatcher
from jaxtorch.nn.modules.module import Module

__all__ = ["Match", "ReplacedPatterns", "replace_pattern", "replace_pattern_with_filters"]


class Match(NamedTuple):
    """Where a pattern was: at the node ``anchor``; ``nodes_map`` is from its nodes to those."""

    anchor: Node
    nodes_map: dict[Node, Node]


@dataclass
class ReplacedPatterns:
    """A Match, and the nodes that came in its place."""

    anchor: Node
    nodes_map: dict[Node, Node]
    replacements: list[Node]


def replace_pattern(gm: GraphModule, pattern: Any, replacement: Any) -> list[Match]:
    """Replace what ``pattern`` does in ``gm`` by what ``replacement`` does: both functions or
    modules of the same arguments. Matches do not overlap, and nothing within one is used outside.
    """
    replaced = replace_pattern_with_filters(gm, pattern, replacement)
    return [Match(anchor=r.anchor, nodes_map=r.nodes_map) for r in replaced]


def replace_pattern_with_filters(
    gm: GraphModule,
    pattern: Any,
    replacement: Any = None,
    match_filters: list[Callable[[InternalMatch, Graph, Graph], bool]] | None = None,
    ignore_literals: bool = False,
    replacement_callback: Callable[[InternalMatch, Graph, Graph], Graph] | None = None,
    node_name_match: str = "",
) -> list[ReplacedPatterns]:
    """As ``replace_pattern``, for the matches for which all filters ``(match, graph, pattern)``
    are true. ``ignore_literals``: numbers and texts need not be the pattern's.
    ``replacement_callback`` makes the replacement of each match."""
    if replacement is None and replacement_callback is None:
        raise AssertionError(
            "Must provide either a replacement GraphModule or a replacement callback"
        )
    graph, wanted = gm.graph, _graph_of(pattern)
    matcher = SubgraphMatcher(wanted, ignore_literals=ignore_literals)
    matches = [
        match
        for match in matcher.match(graph, node_name_match=node_name_match)
        if all(accept(match, graph, wanted) for accept in match_filters or ())
    ]
    common = None if replacement is None else _graph_of(replacement)
    moved: dict[Node, Node] = {}  # results of what was replaced, and what has them now
    done = []
    for match in matches:
        new = common
        if replacement_callback is not None:
            new = replacement_callback(match, graph, wanted)
        done.append(_replace(graph, wanted, new, match, moved))
    gm.recompile()
    if isinstance(replacement, Module):
        _bring_attributes(gm, replacement)
    return done


def _graph_of(what: Any) -> Graph:
    if isinstance(what, Graph):
        return what
    return what.graph if isinstance(what, GraphModule) else symbolic_trace(what).graph


def _replace(
    graph: Graph, pattern: Graph, new: Any, match: InternalMatch, moved: dict[Node, Node]
) -> ReplacedPatterns:
    holders = [n for n in new.nodes if n.op == "placeholder"]
    if len(holders) != len(match.placeholder_nodes):
        raise AssertionError(
            f"Placeholder count mismatch: {len(match.placeholder_nodes)} vs {len(holders)}"
        )
    inputs = [moved.get(n, n) if isinstance(n, Node) else n for n in match.placeholder_nodes]
    for before, after in zip(match.placeholder_nodes, inputs, strict=True):
        if before is not after:
            key = next(k for k, v in match.nodes_map.items() if v is before)
            match.nodes_map[key] = after
    match.placeholder_nodes = inputs
    copies: dict[Node, Any] = dict(zip(holders, inputs, strict=True))
    users = {user for n in match.returning_nodes for user in n.users}
    if users:
        place = next(n for n in graph.nodes if n in users)
    else:
        place = max(match.returning_nodes).next
    with graph.inserting_before(place):
        results = graph.graph_copy(new, copies)
    results = (results,) if isinstance(results, Node) else results
    if len(results) != len(match.returning_nodes):
        raise AssertionError(
            f"Returning nodes count mismatch: {len(match.returning_nodes)} vs {len(results)}"
        )
    replacements = [n for n in copies.values() if not any(n is i for i in inputs)]
    for before, after in zip(match.returning_nodes, results, strict=True):
        before.replace_all_uses_with(after)
        moved[before] = after
    for node in reversed(pattern.nodes):
        if node.op not in ("placeholder", "output"):
            graph.erase_node(match.nodes_map[node])
    return ReplacedPatterns(match.anchors[0], match.nodes_map, replacements)


def _bring_attributes(gm: GraphModule, replacement: Module) -> None:
    """Copy what the new nodes refer to from the replacement, and leave out what none does."""
    gm.delete_all_unused_submodules()
    for node in gm.graph.nodes:
        if node.op not in ("call_module", "get_attr") or _find(gm, node.target) is not None:
            continue
        theirs = _find(replacement, node.target)
        if theirs is None:
            raise RuntimeError(
                f'Attempted to create a "{node.op}" node during subgraph rewriting with target '
                f"{node.target}, but the referenced attribute does not exist in the replacement"
            )
        copied = copy.deepcopy(theirs)
        if isinstance(theirs, Module):
            gm.add_submodule(node.target, copied)
        else:
            setattr(gm, node.target, copied)
    gm.graph.lint()


def _find(module: Module, path: str) -> Any:
    parent, _, name = path.rpartition(".")
    try:
        return getattr(module.get_submodule(parent), name, None)
    except AttributeError:
        return None
