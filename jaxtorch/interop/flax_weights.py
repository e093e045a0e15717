"""Weights in the layout of flax's standard layers, from a module and into it.

flax has a Linear's weight as ``kernel`` (in, out), a convolution's as (spatial..., in / groups,
out), a norm's as ``scale``, an attention's as one kernel a projection with the heads apart. The
names of the layers are the module's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxtorch.autograd import no_grad
from jaxtorch.nn.modules import batchnorm, conv, instancenorm, linear, normalization, sparse
from jaxtorch.nn.modules.activation import MultiheadAttention
from jaxtorch.nn.modules.module import Module
from jaxtorch.ops.data import from_numpy

__all__ = ["load_flax", "to_flax"]

Arrays = dict[str, Any]


@dataclass(frozen=True)
class _Layout:
    """One kind of layer: flax's arrays of torch's, and torch's of flax's."""

    theirs: Callable[[Module, Arrays], Arrays]
    ours: Callable[[Module, Arrays], Arrays]


def _renamed(names: dict[str, str], there=lambda m, x: x, back=lambda m, x: x) -> _Layout:
    """A layout that calls things otherwise; ``there`` and ``back`` turn the weight over."""

    def turned(module, arrays, table, turn):
        return {
            table[k]: turn(module, x) if "weight" in (k, table[k]) else x
            for k, x in arrays.items()
            if k in table
        }

    inverse = {theirs: ours for ours, theirs in names.items()}
    return _Layout(
        lambda m, a: turned(m, a, names, there), lambda m, a: turned(m, a, inverse, back)
    )


def _transposed_kernel(module, x):
    """(in, out / groups, spatial...) as (spatial..., in, out), mirrored: flax does not mirror."""
    if module.groups != 1:
        raise NotImplementedError("flax's ConvTranspose has no groups")
    space = tuple(range(2, x.ndim))
    return np.flip(x.transpose(*space, 0, 1), tuple(range(x.ndim - 2)))


def _transposed_weight(module, x):
    mirrored = np.flip(x, tuple(range(x.ndim - 2)))
    return mirrored.transpose(x.ndim - 2, x.ndim - 1, *range(x.ndim - 2))


def _attention_to_flax(module, arrays: Arrays) -> Arrays:
    heads, size = module.num_heads, module.head_dim
    if "in_proj_weight" in arrays:
        weights = np.split(arrays["in_proj_weight"], 3)
    else:
        weights = [arrays[f"{k}_proj_weight"] for k in "qkv"]
    biases = np.split(arrays["in_proj_bias"], 3) if "in_proj_bias" in arrays else [None] * 3
    found: Arrays = {}
    for name, weight, bias in zip(("query", "key", "value"), weights, biases, strict=True):
        found[name] = {"kernel": weight.T.reshape(-1, heads, size)}
        if bias is not None:
            found[name]["bias"] = bias.reshape(heads, size)
    found["out"] = {"kernel": arrays["out_proj.weight"].T.reshape(heads, size, -1)}
    if "out_proj.bias" in arrays:
        found["out"]["bias"] = arrays["out_proj.bias"]
    return found


def _attention_from_flax(module, arrays: Arrays) -> Arrays:
    parts = [arrays[name] for name in ("query", "key", "value")]
    weights = [np.reshape(p["kernel"], (np.shape(p["kernel"])[0], -1)).T for p in parts]
    found: Arrays = {}
    if module.in_proj_weight is not None:
        found["in_proj_weight"] = np.concatenate(weights)
    else:
        found |= {f"{k}_proj_weight": w for k, w in zip("qkv", weights, strict=True)}
    if "bias" in parts[0]:
        found["in_proj_bias"] = np.concatenate([np.reshape(p["bias"], -1) for p in parts])
    out = arrays["out"]
    kernel = np.asarray(out["kernel"])
    found["out_proj.weight"] = kernel.reshape(-1, kernel.shape[-1]).T
    if "bias" in out:
        found["out_proj.bias"] = out["bias"]
    return found


_NORM = {"weight": "scale", "bias": "bias"}
_STATISTICS = {"running_mean": "mean", "running_var": "var"}
_LAYOUTS: list[tuple[tuple[type, ...], _Layout]] = [
    ((MultiheadAttention,), _Layout(_attention_to_flax, _attention_from_flax)),
    ((conv._ConvTransposeNd,),
     _renamed({"weight": "kernel", "bias": "bias"}, _transposed_kernel, _transposed_weight)),
    ((conv._ConvNd,),
     _renamed({"weight": "kernel", "bias": "bias"},
              lambda m, x: x.transpose(*range(2, x.ndim), 1, 0),
              lambda m, x: x.transpose(x.ndim - 1, x.ndim - 2, *range(x.ndim - 2)))),
    ((linear.Linear,),
     _renamed({"weight": "kernel", "bias": "bias"}, lambda m, x: x.T, lambda m, x: x.T)),
    ((batchnorm._BatchNorm, instancenorm._InstanceNorm), _renamed(_NORM | _STATISTICS)),
    ((normalization.LayerNorm, normalization.GroupNorm, normalization.RMSNorm), _renamed(_NORM)),
    ((sparse.Embedding,), _renamed({"weight": "embedding"})),
]  # fmt: skip


def _layout_of(module: Module) -> _Layout | None:
    return next((layout for kinds, layout in _LAYOUTS if isinstance(module, kinds)), None)


def _layers(module: Module, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple, Module]]:
    """Layers that flax has, and what holds parameters of its own, by path."""
    own = [name for name, p in module.named_parameters(recurse=False)]
    if _layout_of(module) is not None:
        yield prefix, module
        return
    if own:
        raise NotImplementedError(
            f"{type(module).__name__} at {'.'.join(prefix) or 'the root'} has parameters of its "
            f"own ({', '.join(own)}) and no twin among flax's layers"
        )
    for name, child in module.named_children():
        yield from _layers(child, (*prefix, name))


def to_flax(module: Module) -> dict:
    """The weights as nested dicts of jax arrays, for flax's Linear/Dense, Conv, ConvTranspose,
    BatchNorm, LayerNorm, GroupNorm, RMSNorm, Embed and MultiHeadAttention.

    ``nnx.update(layer, tree)`` takes them; of linen, ``mean`` and ``var`` belong to
    ``batch_stats``. Raises NotImplementedError for other layers that have parameters.
    """
    import jax.numpy as jnp

    tree: dict = {}
    for path, layer in _layers(module):
        arrays = {name: value.numpy(force=True) for name, value in layer.state_dict().items()}
        layout = _layout_of(layer)
        assert layout is not None
        place = tree
        for name in path:
            place = place.setdefault(name, {})
        place.update(_each(jnp.asarray, layout.theirs(layer, arrays)))
    return tree


def _each(function, tree):
    if isinstance(tree, Mapping):
        return {k: _each(function, v) for k, v in tree.items()}
    return function(tree)


def load_flax(module: Module, variables: Mapping) -> None:
    """Give the module the weights of flax's layers of the same names.

    ``variables`` are nested mappings of arrays, as ``to_flax`` makes them, as ``nnx.to_pure_dict``
    does, or linen's, with ``params`` and ``batch_stats``. Raises KeyError for a layer that is not
    there, ValueError for another shape.
    """
    trees = [variables]
    if "params" in variables:
        trees = [variables["params"], variables.get("batch_stats", {})]
    with no_grad():
        for path, layer in _layers(module):
            found: dict = {}
            for tree in trees:
                found |= _at(tree, path)
            if not found:
                raise KeyError(f"no weights for {'.'.join(path) or 'the module'}")
            layout = _layout_of(layer)
            assert layout is not None
            arrays = layout.ours(layer, _each(np.asarray, found))
            _fill(layer, path, arrays)


def _at(tree: Mapping, path: tuple) -> Mapping:
    for name in path:
        tree = tree.get(name, tree.get(int(name)) if name.isdigit() else None) or {}
    return tree


def _fill(layer: Module, path: tuple, arrays: Arrays) -> None:
    state = layer.state_dict()
    missing = state.keys() - arrays.keys() - {"num_batches_tracked"}
    if missing:
        raise KeyError(f"no {', '.join(sorted(missing))} for {'.'.join(path) or 'the module'}")
    for name, target in state.items():
        if name in arrays:
            value = np.array(arrays[name])
            if value.shape != tuple(target.shape):
                raise ValueError(
                    f"{'.'.join((*path, name))} is {list(target.shape)}, and flax's weights make "
                    f"it {list(value.shape)}"
                )
            target.copy_(from_numpy(value))
