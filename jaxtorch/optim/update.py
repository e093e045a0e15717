"""One step of an optimizer: gather, record one op, hand the results to their handles."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from jaxtorch.engine import call, flush
from jaxtorch.engine.handles import node_of_numpy
from jaxtorch.optim.pieces import weak
from jaxtorch.tensor import Tensor, alias, wrap

if TYPE_CHECKING:
    from jaxtorch.optim.optimizer import Optimizer

NUMBER, TENSOR = "a number", "a Tensor"  # what stands for data in a structure


def record_step(optimizer: Optimizer) -> None:
    """Update all parameters of all groups that have a gradient, as one recorded op."""
    layout: list[tuple] = []
    tensors: list[Tensor] = []
    numbers: list[float] = []
    donates: list[int] = []
    targets: list[tuple[list[Tensor], list[Tensor]]] = []
    for group in optimizer.param_groups:
        structure, group_numbers, group_tensors = _options_of(optimizer, group)
        for params, grads, slots, started, keys in _buckets(optimizer, group):
            columns = [[slot[key] for slot in slots] for key in keys]
            layout.append((structure, keys, len(params)))
            tensors += group_tensors
            numbers += group_numbers
            if optimizer._counts_steps:
                steps = [slot["step"] for slot in slots]
                donates.append(len(tensors))
                tensors.append(steps[0])
            else:
                steps = []
                numbers.append(started)
            handles = params.copy()
            for column in columns:
                handles += column
            donates += range(len(tensors), len(tensors) + len(handles))
            tensors += handles
            tensors += grads
            targets.append((handles, steps))
    if not layout:
        return
    program = _program(type(optimizer), tuple(layout))
    results = iter(call(program, program, tensors, numbers, donates))
    for handles, steps in targets:
        for handle in handles:
            handle._adopt(next(results))
        if steps:
            count = next(results)
            for handle in steps:
                handle._adopt(count)
    flush(handles)


def _options_of(optimizer: Optimizer, group: dict) -> tuple[tuple, list[float], list[Tensor]]:
    """A group's options: the structure they make, and those that are data."""
    structure: list = []
    numbers: list[float] = []
    tensors: list[Tensor] = []
    for option, kind in optimizer._options.items():
        value = group[option]
        if kind == "flag":
            structure.append(value)
            continue
        for number in value if kind.__class__ is tuple else (value,):
            if isinstance(number, Tensor):
                structure.append(TENSOR)
                tensors.append(number)
            elif number is None or (kind == "optional" and number == 0):
                structure.append(number)
            else:
                structure.append(NUMBER)
                numbers.append(float(number))
    return tuple(structure), numbers, tensors


def _buckets(optimizer: Optimizer, group: dict) -> list[tuple]:
    """Parameters with a gradient, by dtype, age and state keys.

    PyTorch counts the steps of each parameter, since one without a gradient is passed over. Handles
    of equal counts share one value, which is told by identity: nearly always there is one bucket.
    """
    params, grads, slots, marks = [], [], [], []
    state, stepped = optimizer.state, optimizer._counts_steps
    for param in group["params"]:
        grad = param.grad
        if grad is None:
            continue
        slot = state[param]
        keys = optimizer._state_keys(group, param)
        age = 1.0
        for key in keys:
            if slot.get(key) is None:
                age = 0.0
        if age == 0.0 or (stepped and "step" not in slot):
            slot = optimizer._init_state(group, param)
        if stepped:
            age = slot["step"]._node
        params.append(param)
        grads.append(grad)
        slots.append(slot)
        marks.append((param.dtype, age, keys))
    if not params:
        return []
    # A step count's node must not get out of here: held by nobody, its array can be donated.
    first = marks[0]
    if all(mark == first for mark in marks):
        return [(params, grads, slots, None if stepped else first[1], first[2])]
    split: dict[tuple, tuple] = {}
    for mark, *row in zip(marks, params, grads, slots, strict=True):
        age = None if stepped else mark[1]
        bucket = split.setdefault(mark, ([], [], [], age, mark[2]))
        for column, item in zip(bucket, row, strict=False):
            column.append(item)
    return list(split.values())


@functools.lru_cache(maxsize=512)
def _program(cls: type[Optimizer], layout: tuple):
    """The pure function `(arrays, numbers) -> arrays` of a step with this layout.

    A bucket's arrays are: options that are Tensors, the step count, parameters, each state key,
    gradients. It returns the parameters, each state key, the step count.
    """
    names = [
        name
        for option, kind in cls._options.items()
        for name in (kind if isinstance(kind, tuple) else (option,))
    ]

    def program(arrays, numbers):
        arrays, numbers = iter(arrays), iter(numbers)
        results: list[jax.Array] = []
        for structure, keys, count in layout:
            options = {}
            for name, mark in zip(names, structure, strict=True):
                if mark is NUMBER:
                    options[name] = weak(next(numbers))
                elif mark is TENSOR:
                    options[name] = weak(next(arrays).reshape(()))
                else:
                    options[name] = mark
            if cls._counts_steps:
                state = {"step": next(arrays)}
            else:
                state = {"started": next(numbers).astype(jnp.float32)}
            params = _take(arrays, count)
            for key in keys:
                state[key] = _take(arrays, count)
            grads = _take(arrays, count)
            params, state = _step(cls, options, params, grads, state)
            results += params
            for key in keys:
                results += state[key]
            if cls._counts_steps:
                results.append(state["step"])
        return tuple(results)

    program.__name__ = f"{cls.__name__}_step"
    return program


def _take(arrays, count: int) -> list[jax.Array]:
    return [next(arrays) for _ in range(count)]


def _step(cls, options: dict, params: list, grads: list, state: dict) -> tuple[list, dict]:
    """One bucket's update by its optax transformation, with state by PyTorch's keys."""
    transformation = cls._transformation(**options)
    before = (params, state)
    params, grads, state = jax.tree.map(_widen, (params, grads, state))
    template, treedef = jax.tree_util.tree_flatten_with_path(transformation.init(params))
    places = [_place(path, cls._leaf_names) for path, _ in template]
    leaves = [state[key] if i is None else state[key][i] for key, i in places]
    updates, new = transformation.update(grads, treedef.unflatten(leaves), params)
    params = [p + u for p, u in zip(params, updates, strict=True)]
    for (key, i), leaf in zip(places, jax.tree.leaves(new), strict=True):
        if i is None:
            state[key] = leaf
        else:
            state[key][i] = leaf
    return jax.tree.map(_narrow, (params, state), before)


def _place(path, leaf_names: dict[str, str]) -> tuple[str, int | None]:
    """PyTorch's key and the parameter's number, from a leaf's path in the optax state."""
    index = None
    for entry in reversed(path):
        if isinstance(entry, jax.tree_util.SequenceKey) and index is None:
            index = entry.idx
        elif isinstance(entry, jax.tree_util.GetAttrKey):
            return leaf_names.get(entry.name, entry.name), index
    raise TypeError(f"a leaf of the transformation's state has no name: {path}")


def _widen(x: jax.Array) -> jax.Array:
    """Half types are computed in float32, complex numbers as pairs: both as PyTorch does."""
    if x.dtype in (jnp.float16, jnp.bfloat16):
        return x.astype(jnp.float32)
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        return jnp.stack([x.real, x.imag], axis=-1)
    return x


def _narrow(x: jax.Array, like: jax.Array) -> jax.Array:
    if jnp.issubdtype(like.dtype, jnp.complexfloating):
        return jax.lax.complex(x[..., 0], x[..., 1])
    return x.astype(like.dtype)


# -- state tensors ------------------------------------------------------------------------------


def tensor_beside(param: Tensor, value: np.ndarray) -> Tensor:
    """A Tensor of `value` where the parameter is."""
    return wrap(node_of_numpy(value, param._read().aval.place))


def zero_step(optimizer: Optimizer, param: Tensor) -> Tensor:
    """A step count of 0. All those of one optimizer and device share a value (see `_buckets`)."""
    origins = optimizer.__dict__.setdefault("_origins", {})
    place = param._read().aval.place
    if place not in origins:
        origins[place] = tensor_beside(param, np.zeros((), np.float32))
    return snapshot(origins[place])


def share_steps(optimizer: Optimizer) -> None:
    """Let equal step counts share one value again, after they came from a state_dict or a copy."""
    shared: dict[tuple, Tensor] = {}
    for group in optimizer.param_groups:
        for param in group["params"]:
            slot = optimizer.state.get(param)
            if not slot or "step" not in slot:
                continue
            key = (float(slot["step"]), param._read().aval.place)
            if key not in shared:
                shared[key] = tensor_beside(param, np.asarray(key[0], np.float32))
            slot["step"] = snapshot(shared[key])


def snapshot(tensor: Tensor, key=None) -> Tensor:
    """Another handle on the value a Tensor has now."""
    node = tensor._read()
    return wrap(alias(node) if node.requires_grad else node)
