"""Flax layers as modules: an nnx layer assigned to a Module's attribute, a linen one by
``from_linen``.

The layer's variables become Parameters and buffers under flax's own paths, and a call of it is one
recorded op: ``loss.backward()`` and ``optimizer.step()`` train it like any other child.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.core import DenyList

from jaxtorch.nn.modules.module import Module
from jaxtorch.nn.parameter import Parameter
from jaxtorch.ops._op import Arrays, op
from jaxtorch.tensor import Tensor

__all__ = ["FlaxLayer", "from_linen"]


@dataclass(frozen=True)
class _Slot:
    """Where one variable of the layer lives here, and whether it is a typed PRNG key."""

    path: tuple
    key_impl: Any = None

    def unwrapped(self, value):
        return value if self.key_impl is None else jax.random.key_data(value)

    def wrapped(self, value):
        return (
            value if self.key_impl is None else jax.random.wrap_key_data(value, impl=self.key_impl)
        )


@dataclass(eq=False)
class _Call:
    """The layer as a pure function of its variables and its tensor arguments."""

    graphdef: Any
    slots: tuple[_Slot, ...]
    tree: Any  # of (args, kwargs), whose tensors are the arrays that follow the variables
    constants: tuple  # the other leaves, None where a tensor stands
    trees: dict = field(default_factory=dict)  # the output's structure, known once it was traced

    def __call__(self, arrays):
        count = len(self.slots)
        state = {
            slot.path: slot.wrapped(value)
            for slot, value in zip(self.slots, arrays[:count], strict=True)
        }
        layer = nnx.merge(self.graphdef, nnx.from_flat_state(state))
        given = iter(arrays[count:])
        leaves = [next(given) if c is None else c[0] for c in self.constants]
        args, kwargs = jax.tree.unflatten(self.tree, leaves)
        out, self.trees["out"] = jax.tree.flatten(layer(*args, **kwargs))
        after = dict(nnx.to_flat_state(nnx.state(layer)))
        changed = [slot.unwrapped(after[slot.path].get_value()) for slot in self.slots]
        return (*map(jnp.asarray, out), *changed)


@op(name="FlaxBackward0")
def _run(arrays: Arrays, call: Callable):
    return call(arrays)


class FlaxLayer(Module):
    """An nnx layer as a Module. Its variables are named as in flax: ``kernel``, ``layers.0.bias``.

    ``train()`` and ``eval()`` do what nnx's do (``deterministic``, ``use_running_average``).
    ``flax_layer()`` gives back an nnx layer with the values as they are now.
    """

    def __init__(self, layer: nnx.Module) -> None:
        super().__init__()
        self.kind = type(getattr(layer, "to_nnx__module", layer)).__name__
        layer = nnx.clone(layer)
        graphdefs = []
        for mode in (layer.train, layer.eval):
            mode()
            graphdefs.append(nnx.graphdef(layer))
        self.graphdefs = tuple(graphdefs)  # in training, in evaluation
        slots = []
        for path, variable in nnx.to_flat_state(nnx.state(layer)):
            value = variable.get_value() if isinstance(variable, nnx.Variable) else variable
            is_key = jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
            slot = _Slot(tuple(path), str(jax.random.key_impl(value)) if is_key else None)
            slots.append(slot)
            self._place(slot, slot.unwrapped(value), isinstance(variable, nnx.Param))
        self.slots = tuple(slots)
        self._calls: dict = {}

    def _place(self, slot: _Slot, value, is_param: bool) -> None:
        module: Module = self
        for name in map(str, slot.path[:-1]):
            if name not in module._modules:
                module._register("module", name, Module())
            module = module._modules[name]
        tensor = Tensor(value)
        if is_param:
            module._register("parameter", str(slot.path[-1]), Parameter(tensor))
        else:
            module._register("buffer", str(slot.path[-1]), tensor)

    def _tensor(self, slot: _Slot) -> Tensor:
        module: Any = self
        for name in slot.path:
            module = vars(module)[str(name)]
        return module

    def forward(self, *args, **kwargs):
        leaves, tree = jax.tree.flatten((args, kwargs), is_leaf=lambda x: isinstance(x, Tensor))
        tensors = [x for x in leaves if isinstance(x, Tensor | jax.Array)]
        constants = tuple(None if isinstance(x, Tensor | jax.Array) else (x,) for x in leaves)
        key = (self.training, tree, constants)
        call = self._calls.get(key)
        if call is None:
            graphdef = self.graphdefs[0 if self.training else 1]
            call = self._calls[key] = _Call(graphdef, self.slots, tree, constants)
        variables = [self._tensor(slot) for slot in self.slots]
        results = _run([*variables, *tensors], call)
        count = len(results) - len(variables)
        for variable, result in zip(variables, results[count:], strict=True):
            if not isinstance(variable, Parameter):
                variable._rebind(result)
        return jax.tree.unflatten(call.trees["out"], results[:count])

    def flax_layer(self) -> nnx.Module:
        """An nnx layer, of its own, with the values that the parameters and buffers have now."""
        state = {slot.path: slot.wrapped(self._tensor(slot).jax()) for slot in self.slots}
        graphdef = self.graphdefs[0 if self.training else 1]
        return nnx.merge(graphdef, nnx.from_flat_state(state))

    def extra_repr(self) -> str:
        return self.kind

    def __getstate__(self) -> dict:
        return super().__getstate__() | {"_calls": {}}


class _Linen(nnx.bridge.ToNNX):
    """A linen module that may write to all its collections but the parameters, as an nnx layer
    may: the statistics of a batch norm."""

    def __call__(self, *args: Any, mutable: Any = DenyList("params"), **kwargs: Any) -> Any:  # noqa: B008
        return super().__call__(*args, mutable=mutable, **kwargs)


def from_linen(layer, *inputs: Any, rngs: nnx.Rngs | int = 0, **kwargs: Any) -> FlaxLayer:
    """A linen module as a Module; ``inputs`` are examples of what it will be called with. Linen
    has no training mode: say it in the call, as its layer wants it (``train=self.training``)."""
    rngs = nnx.Rngs(rngs) if isinstance(rngs, int) else rngs
    arrays = [x.jax() if isinstance(x, Tensor) else x for x in inputs]
    wrapped = _Linen(layer, rngs)
    nnx.bridge.lazy_init(wrapped, *arrays, **kwargs)
    return FlaxLayer(wrapped)
