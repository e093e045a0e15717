"""``torch.utils.flop_counter``: the products and convolutions that run in a block, counted.

Products are read off the jaxpr of every op that is recorded and of its gradient, so that whatever
ends in one counts: a recurrent layer's steps, an einsum, attention (which PyTorch counts on a GPU).
"""

from __future__ import annotations

import math
import warnings
import weakref
from collections import defaultdict
from typing import Any

from jax.extend.core import ClosedJaxpr, Jaxpr, Literal
from jax.interpreters import partial_eval

from jaxtorch.engine.backward import Walk
from jaxtorch.engine.graph import MODES, STATE
from jaxtorch.engine.kernels import VjpKernel
from jaxtorch.nn.modules import module as modules
from jaxtorch.ops._dispatch import dispatch

__all__ = ["FlopCounterMode"]

_UNITS = ("", "K", "M", "B", "T")
_CONVOLUTIONS = {f"conv{how}{n}d" for how in ("", "_transpose") for n in (1, 2, 3)}


class FlopCounterMode:
    """``with FlopCounterMode() as counter: net(x).sum().backward()``, then
    ``counter.get_total_flops()``. A multiplication and an addition are two.

    The counts are by the path of the module that is running, which begins with the class's name,
    and by the op's name here. With ``display`` the table is printed at the end.
    """

    def __init__(self, mods=None, depth: int = 2, display: bool = True, custom_mapping=None):
        if custom_mapping:
            raise NotImplementedError(
                "FlopCounterMode(custom_mapping=...): ops are read, not named"
            )
        if mods is not None:
            warnings.warn(
                "FlopCounterMode(mods=...) is not needed: every module is looked at", stacklevel=2
            )
        self.depth, self.display = depth, display
        self.flop_counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._paths: dict[Any, str] = {}
        self._running: list[str] = []
        self._of_node: weakref.WeakKeyDictionary[Any, tuple] = weakref.WeakKeyDictionary()

    def get_total_flops(self) -> int:
        return sum(self.flop_counts["Global"].values())

    def get_flop_counts(self) -> dict[str, dict[str, int]]:
        """Module's path ("Global": everything) to op's name to count."""
        return {path: dict(counts) for path, counts in self.flop_counts.items()}

    def get_table(self, depth: int | None = None) -> str:
        """The counts as a table a person can read, of modules down to ``depth``."""
        depth = self.depth if depth is None else depth
        total = self.get_total_flops()
        rows = [("Module", "FLOP", "% Total")]
        for path in sorted(self.flop_counts, key=lambda path: (path != "Global", path)):
            level = 0 if path == "Global" else path.count(".") + 1
            if depth is not None and level > depth:
                continue
            counts = self.flop_counts[path]
            for name, count in ((path, sum(counts.values())), *counts.items()):
                title = " " * level + (name if name is path else f" - {name}")
                share = 100 * count / total if total else 0
                rows.append((title, _short(count), f"{share:.2f}%"))
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        return "\n".join(
            f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows
        )

    # -- the block ------------------------------------------------------------------------------

    def __enter__(self) -> FlopCounterMode:
        if STATE.watched:
            raise NotImplementedError(
                "FlopCounterMode in another one, or together with anomaly detection"
            )
        self.flop_counts.clear()
        STATE.noted, STATE.mode = STATE.mode, self._see
        STATE.walk = type("_CountingWalk", (_CountingWalk,), {"counter": self})
        STATE.watched = True
        MODES[0] += 1
        self._handles = [
            modules.register_module_forward_pre_hook(self._begin),
            modules.register_module_forward_hook(self._end, always_call=True),
        ]
        return self

    def __exit__(self, *exc) -> None:
        for handle in self._handles:
            handle.remove()
        STATE.mode, STATE.noted, STATE.walk = STATE.noted, None, None
        STATE.watched = False
        MODES[0] -= 1
        self._paths.clear()
        self._running.clear()
        if self.display:
            print(self.get_table())

    def _begin(self, module, args) -> None:
        path = self._paths.setdefault(module, type(module).__name__)
        for name, child in module.named_children():
            self._paths[child] = f"{path}.{name}"
        self._running.append(path)

    def _end(self, module, args, result) -> None:
        self._running.pop()

    def _see(self, operation, slots, statics, viewed):
        out = (STATE.noted or dispatch)(operation, slots, statics, viewed)
        first = out[0] if isinstance(out, tuple | list) else out
        node = first._node
        while node.kernel is not None and node.kernel.index is not None and node.inputs:
            node = node.inputs[0]
        where = ("Global", *dict.fromkeys(self._running))
        self._of_node[node] = where
        if node.kernel is not None:
            self._add(node.kernel, where)
        return out

    def _add(self, kernel, where: tuple) -> None:
        count = _of_kernel(kernel)
        if count:
            for path in where:
                self.flop_counts[path][kernel.name] += count


class _CountingWalk(Walk):
    """A backward pass whose gradients are counted for the modules that their ops ran in."""

    counter: FlopCounterMode

    def _vjp(self, node, kernel, cotangent) -> None:
        self._where = self.counter._of_node.get(node, ("Global",))
        super()._vjp(node, kernel, cotangent)

    def _gradient_of(self, kernel, needs: tuple, have: tuple):
        gradient = super()._gradient_of(kernel, needs, have)
        self.counter._add(gradient, self._where)
        return gradient


# -- counting -------------------------------------------------------------------------------------

_counted: dict[int, int] = {}  # of kernels, by id: they are kept for good


def _of_kernel(kernel) -> int:
    found = _counted.get(kernel.id)
    if found is None:
        if kernel.op is not None and kernel.op.name in _CONVOLUTIONS:
            found = _of_convolution(kernel)
        else:
            jaxpr = kernel._traced()[0].jaxpr
            found = _of_jaxpr(partial_eval.dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))[0])
        _counted[kernel.id] = found
    return found


def _of_convolution(kernel) -> int:
    """The whole of the weight at every place of the output; of a transposed one, of the input. (On
    the CPU small ones are no convolutions to XLA.) Each of the two gradients is as many."""
    if isinstance(kernel, VjpKernel):
        return _of_convolution(kernel.base) * sum(kernel.needs[:2])
    x, weight = (a.shape for a in kernel.avals[:2])
    places = x if "transpose" in kernel.op.name else kernel.all_out[0].shape
    ndim = len(weight) - 2
    batch = x[0] if len(x) > ndim + 1 else 1
    return 2 * batch * math.prod(places[len(places) - ndim :]) * math.prod(weight)


def _of_jaxpr(jaxpr: Jaxpr) -> int:
    count, spread = 0, set()
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "broadcast_in_dim" and isinstance(eqn.invars[0], Literal):
            spread.update(eqn.outvars)  # a product with ones is how rows are summed
        elif spread.isdisjoint(v for v in eqn.invars if not isinstance(v, Literal)):
            count += _of_equation(eqn)
    return count


def _of_equation(eqn) -> int:
    name, params = eqn.primitive.name, eqn.params
    if name == "dot_general":
        (contracted, _), _ = params["dimension_numbers"]
        shape, out = eqn.invars[0].aval.shape, eqn.outvars[0].aval.shape
        return 2 * math.prod(out) * math.prod(shape[d] for d in contracted)
    if name == "cond":
        return max(_of_jaxpr(branch.jaxpr) for branch in params["branches"])
    inner = [j for v in params.values() for j in (v if isinstance(v, tuple) else (v,))]
    inner = [j.jaxpr if isinstance(j, ClosedJaxpr) else j for j in inner]
    once = sum(_of_jaxpr(j) for j in inner if isinstance(j, Jaxpr))
    return once * params["length"] if name == "scan" else once


def _short(count: int) -> str:
    power = 0
    while count >= 1000 ** (power + 1) and power < len(_UNITS) - 1:
        power += 1
    return f"{count / 1000**power:.3f}{_UNITS[power]}" if power else str(count)
