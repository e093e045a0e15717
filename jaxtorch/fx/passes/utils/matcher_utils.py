"""Where in a graph another graph, the pattern, is to be found."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from jaxtorch.fx.graph import Graph
from jaxtorch.fx.node import Node
from jaxtorch.tensor import Tensor

__all__ = ["InternalMatch", "SubgraphMatcher"]


@dataclass
class InternalMatch:
    """``nodes_map``: from the pattern's nodes to the graph's. ``anchors``: the pattern's nodes
    that were looked for first. The rest are the graph's nodes for the pattern's arguments and
    results, in their order."""

    anchors: list[Node]
    nodes_map: dict[Node, Any] = field(default_factory=dict)
    placeholder_nodes: list[Any] = field(default_factory=list)
    returning_nodes: list[Node] = field(default_factory=list)
    name_node_map: dict[str, Node] = field(default_factory=dict)

    def __copy__(self) -> InternalMatch:
        return InternalMatch(
            self.anchors,
            self.nodes_map.copy(),
            self.placeholder_nodes.copy(),
            self.returning_nodes.copy(),
        )


class SubgraphMatcher:
    """Finds ``pattern`` in graphs, from its results backwards."""

    def __init__(
        self, pattern: Graph, match_output: bool = False, match_placeholder: bool = False,
        remove_overlapping_matches: bool = True, ignore_literals: bool = False,
    ):  # fmt: skip
        self.pattern = pattern
        self.match_output = match_output
        self.match_placeholder = match_placeholder
        self.remove_overlapping_matches = remove_overlapping_matches
        self.ignore_literals = ignore_literals
        if not len(pattern.nodes):
            raise ValueError("SubgraphMatcher cannot be initialized with an empty pattern")
        for node in pattern.nodes:
            if not node.users and node.op not in ("output", "placeholder"):
                raise AssertionError(
                    f"SubgraphMatcher: nothing in the pattern uses its node {node}"
                )
        output = pattern.output_node()
        self.pattern_placeholder_nodes = [n for n in pattern.nodes if n.op == "placeholder"]
        self.pattern_returning_nodes = output.all_input_nodes
        if match_output:
            self.pattern_anchors = [output]
        else:
            self.pattern_anchors = [n for n in output.all_input_nodes if len(n.users) == 1]

    def match(self, graph: Graph, node_name_match: str = "") -> list[InternalMatch]:
        """All matches in ``graph``. ``node_name_match``: a node whose name has this in it is taken
        for equal."""
        candidates = []
        for anchor in self.pattern_anchors:
            alike = [n for n in graph.nodes if self._alike(anchor, n, node_name_match)]
            if alike:
                candidates.append((anchor, alike))
        found: list[InternalMatch] = []

        def search(i: int, match: InternalMatch) -> None:
            if i == len(candidates):
                to = match.nodes_map
                match.placeholder_nodes = [to[n] for n in self.pattern_placeholder_nodes]
                match.returning_nodes = [to[n] for n in self.pattern_returning_nodes]
                found.append(match)
                return
            anchor, nodes = candidates[i]
            for node in nodes:
                tried = copy.copy(match)
                if self._match_nodes(anchor, node, tried, node_name_match):
                    search(i + 1, tried)

        if candidates:
            search(0, InternalMatch(self.pattern_anchors))
        found = [m for m in found if self._is_contained(m) and _is_convex(_inner(m))]
        return _apart(found) if self.remove_overlapping_matches else found

    def _alike(self, wanted: Node, node: Node, node_name_match: str = "") -> bool:
        if not self.match_placeholder and wanted.op == "placeholder":
            return True
        if node_name_match and node_name_match in node.name:
            return True
        if wanted.op != node.op:
            return False
        if wanted.op in ("placeholder", "output"):
            return True
        if wanted.op == "get_attr":
            return self._same_attribute(wanted, node)
        return wanted.target == node.target

    def _same_attribute(self, wanted: Node, node: Node) -> bool:
        from jaxtorch.fx.graph_module import _get_attr

        theirs = _get_attr(wanted.graph.owning_module, wanted.target)
        mine = _get_attr(node.graph.owning_module, node.target)
        if type(theirs) is not type(mine):
            return False
        if not isinstance(theirs, Tensor):
            raise RuntimeError(f"Unsupported type {theirs} when matching attributes")
        return True

    def _match_nodes(
        self, wanted: Node, node: Node, match: InternalMatch, node_name_match: str = ""
    ) -> bool:
        if wanted in match.nodes_map:
            return match.nodes_map[wanted] is node
        if any(taken is node for taken in match.nodes_map.values()):
            return False
        if not self._alike(wanted, node, node_name_match):
            return False
        match.nodes_map[wanted] = node
        if wanted.op == "placeholder":
            return True
        if len(wanted.args) != len(node.args) or list(wanted.kwargs) != list(node.kwargs):
            return False
        return self._match_values(
            [*wanted.args, *wanted.kwargs.values()], [*node.args, *node.kwargs.values()], match
        )

    def _match_values(self, wanted, values, match: InternalMatch) -> bool:
        if len(wanted) != len(values):
            return False
        for theirs, mine in zip(wanted, values, strict=True):
            if isinstance(theirs, Node) and isinstance(mine, Node):
                same = self._match_nodes(theirs, mine, match)
            elif isinstance(theirs, list | tuple) and isinstance(mine, list | tuple):
                same = self._match_values(theirs, mine, match)
            else:
                same = self._match_literal(theirs, mine, match) or self.ignore_literals
            if not same:
                return False
        return True

    def _match_literal(self, wanted: Any, value: Any, match: InternalMatch) -> bool:
        if isinstance(wanted, Node):  # an argument of the pattern may be a number in the graph
            if wanted.op != "placeholder":
                return False
            return bool(match.nodes_map.setdefault(wanted, value) == value)
        return not isinstance(value, Node) and type(value) is type(wanted) and value == wanted

    def _is_contained(self, match: InternalMatch) -> bool:
        """Is nothing but the results used outside?"""
        inner = {node for wanted, node in match.nodes_map.items() if wanted.op != "placeholder"}
        return all(
            user in inner
            for wanted, node in match.nodes_map.items()
            if wanted.op != "placeholder" and wanted not in self.pattern_returning_nodes
            for user in node.users
        )


def _inner(match: InternalMatch) -> set[Node]:
    """The graph's nodes that do the work of the pattern."""
    steps = ((w, n) for w, n in match.nodes_map.items() if w.op not in ("placeholder", "output"))
    return {node for _, node in steps}


def _is_convex(nodes: set[Node]) -> bool:
    """Does no way lead out of the nodes and in again? One step cannot be made of them else."""
    outside = {user for n in nodes for user in n.users if user not in nodes}
    seen: set[Node] = set()
    while outside:
        node = outside.pop()
        if node in nodes:
            return False
        if node not in seen:
            seen.add(node)
            outside.update(node.users)
    return True


def _apart(matches: list[InternalMatch]) -> list[InternalMatch]:
    """Those that share no step with one before."""
    taken: set[Node] = set()
    kept = []
    for match in matches:
        if not taken & _inner(match):
            kept.append(match)
            taken |= _inner(match)
    return kept
