"""One step of an optimizer: gather, record one op, hand the results to their handles."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxtorch.engine import call, flush
from jaxtorch.engine.handles import node_of_numpy
from jaxtorch.optim.pieces import weak
from jaxtorch.tensor import Tensor, alias, to_place, wrap

if TYPE_CHECKING:
    from jaxtorch.optim.optimizer import Optimizer

NUMBER, TENSOR = "a number", "a Tensor"  # what stands for data in a structure
# Where other parameters have gradients in every step (experts, dynamic graphs), each such pattern
# is a structure of its own. Past this many, one is for all of them: it steps every parameter by
# itself, and who keeps the old value is data.
MOST_PATTERNS = 8


def record_step(optimizer: Optimizer) -> None:
    """Update all parameters of all groups that have a gradient, as one recorded op.

    (One for each device, and for a parameter that is given twice another one after it.)
    """
    everyone = len(optimizer._patterns) > MOST_PATTERNS
    batches: dict[tuple, list[tuple]] = {}
    for group in optimizer.param_groups:
        if group.get("capturable"):
            _check_capturable(optimizer, group)
        options = _options_of(optimizer, group)
        for bucket in _buckets(_members(optimizer, group, everyone), everyone):
            turn, place, *_ = bucket[0][3]
            batches.setdefault((turn, place), []).append((options, bucket))
    bucket = _ = None
    handles: list[Tensor] = []
    for batch in sorted(batches):
        handles += _record(optimizer, batches[batch], batch[1], everyone)
    flush(handles)


def can_skip(optimizer: Optimizer) -> bool:
    """Can a step be one that changes nothing, by data (`skipping`)?

    The update must be all that a step does, and the state exist: one that is made for a step which
    is skipped would count as used.
    """
    hooks = (optimizer._optimizer_step_pre_hooks, optimizer._optimizer_step_post_hooks)
    if not optimizer._updates_only() or any(hooks):
        return False
    return all(
        param.grad is None
        or not (optimizer._counts_steps or optimizer._state_keys(group, param))
        or optimizer.state.get(param)
        for group in optimizer.param_groups
        for param in group["params"]
    )


def skipping(optimizer: Optimizer, checks: list[Tensor], step: Callable[[], Any]):
    """`step()`, in which `optimizer` leaves all as it is if one of these numbers is not zero."""
    optimizer.__dict__["found_inf"] = tuple(checks)
    try:
        return step()
    finally:
        del optimizer.__dict__["found_inf"]


def _record(optimizer: Optimizer, buckets: list, place: str, everyone: bool) -> list[Tensor]:
    """Record the update of these buckets; returns the handles that have been given new values."""
    layout: list[tuple] = []
    pattern: list[int] = []
    tensors: list[Tensor] = []
    numbers: list[float] = []
    donates: list[int] = []
    targets: list[tuple[list[Tensor], list[Tensor]]] = []
    skip = optimizer.__dict__.get("found_inf", ())
    tensors += [to_place(found, place) for found in skip]
    while buckets:  # emptied, so that the old step counts are held by nobody and can be donated
        (structure, option_numbers, option_tensors), bucket = buckets.pop(0)
        params, grads, slots, marks = zip(*bucket, strict=True)
        *_, keys, age = marks[0]
        layout.append((structure, keys, len(params), everyone))
        pattern += map(id, params)
        tensors += [to_place(option, place) for option in option_tensors]
        numbers += option_numbers
        if everyone:
            numbers.append(0.0 if grads[0] is None else 1.0)
        if optimizer._counts_steps:
            steps = [slot["step"] for slot in slots]
            donates.append(len(tensors))
            tensors.append(steps[0])
        else:
            steps = []
            numbers.append(age)
        handles = list(params)
        for key in keys:
            handles += [slot[key] for slot in slots]
        donates += range(len(tensors), len(tensors) + len(handles))
        tensors += handles
        tensors += [_stand_in(optimizer, params[0])] if grads[0] is None else grads
        targets.append((handles, steps))
    program = _program(type(optimizer), tuple(layout), len(skip))
    if not everyone:
        optimizer._patterns.add((program, *pattern))
    bucket = marks = age = None
    results = iter(call(program, program, tensors, numbers, donates, straight=True))
    for handles, steps in targets:
        if steps:
            count = next(results)
            for handle in steps:
                handle._adopt(count)
        for handle in handles:
            handle._adopt(next(results))
    return targets[0][0]


def _check_capturable(optimizer: Optimizer, group: dict) -> None:
    """Refuse, as PyTorch does, to put into a CUDA graph what lies on the CPU (the fused update of
    which asks nobody)."""
    on_cpu = any(
        param.grad is not None and param._node.aval.kind == "array" and param.device.type == "cpu"
        for param in group["params"]
    )
    if on_cpu and not group.get("fused"):
        raise AssertionError(
            f"If capturable=True, {optimizer._asked_if_capturable} must be on supported devices: "
            "['cuda', 'xpu', 'hpu', 'privateuseone', 'xla']."
        )


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


def _members(optimizer: Optimizer, group: dict, everyone: bool) -> list[tuple]:
    """(parameter, gradient, state, mark) of those to update, with their state made if need be.

    Those of one mark are updated together. It is (turn, place, dtype, keys of the state, age): turn
    is 0, or more for a parameter that is given again; age is the node of the step count, whose
    handles share it while their counts are equal, or without a count 0.0 at the first update.
    """
    members = []
    seen: dict[int, int] = {}
    state, stepped = optimizer.state, optimizer._counts_steps
    for param in group["params"]:
        grad = param.grad
        if grad is None and not everyone:
            continue
        keys = optimizer._state_keys(group, param)
        if grad is None and (keys or stepped) and param not in state:
            continue
        age = 1.0
        slot = state[param] if keys or stepped else {}
        for key in keys:
            if slot.get(key) is None:
                age = 0.0
        if age == 0.0 or (stepped and "step" not in slot):
            slot = optimizer._init_state(group, param)
        if stepped:
            age = slot["step"]._node
        aval = param._node.aval
        turn = seen.get(id(param), 0)
        seen[id(param)] = turn + 1
        members.append((param, grad, slot, (turn, aval.place, aval.dtype, keys, age)))
    return members


def _buckets(members: list[tuple], everyone: bool) -> list[list[tuple]]:
    """Members by mark (nearly always one bucket), or each by itself."""
    if everyone:
        return [[member] for member in members]
    if not members:
        return []
    first = members[0][3]
    if all(member[3] == first for member in members):
        return [members]
    buckets: dict[tuple, list[tuple]] = {}
    for member in members:
        buckets.setdefault(member[3], []).append(member)
    return list(buckets.values())


@functools.lru_cache(maxsize=512)
def _program(cls: type[Optimizer], layout: tuple, checks: int = 0):
    """The pure function `(arrays, numbers) -> arrays` of a step with this layout.

    First come `checks` arrays: where one is not zero the step changes nothing. (An update has no
    loop of JAX's in it: `record_step` relies on that.)
    A bucket's arrays are: options that are Tensors, the step count, parameters, each state key,
    gradients. Its numbers: options, whether it is updated at all, whether it has been before. It
    returns what can be donated, in that order: the step count, the parameters, each state key.
    """
    names = [
        name
        for option, kind in cls._options.items()
        for name in (kind if isinstance(kind, tuple) else (option,))
    ]

    def program(arrays, numbers):
        arrays, numbers = iter(arrays), iter(numbers)
        results: list[jax.Array] = []
        skip = [next(arrays) != 0 for _ in range(checks)]
        for structure, keys, count, optional in layout:
            options = {}
            for name, mark in zip(names, structure, strict=True):
                if mark is NUMBER:
                    options[name] = weak(next(numbers))
                elif mark is TENSOR:
                    options[name] = weak(next(arrays).reshape(()))
                else:
                    options[name] = mark
            active = [next(numbers) > 0] if optional else []
            active += [~bad for bad in skip]
            if cls._counts_steps:
                state = {"step": next(arrays)}
            else:
                state = {"started": next(numbers).astype(jnp.float32)}
            params = _take(arrays, count)
            for key in keys:
                state[key] = _take(arrays, count)
            grads = _take(arrays, count)
            before = params, state
            params, state = _step(cls, options, params, grads, state)
            if active:
                chosen = functools.reduce(jnp.logical_and, active)
                params, state = jax.tree.map(
                    lambda new, old, chosen=chosen: jnp.where(chosen, new, old),
                    (params, state),
                    before,
                )
            if cls._counts_steps:
                results.append(state["step"])
            results += params
            for key in keys:
                results += state[key]
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
            name = str(entry.name)
            return leaf_names.get(name, name), index
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


def _stand_in(optimizer: Optimizer, param: Tensor) -> Tensor:
    """What is passed for a gradient that is not there: an array of its own, as one that is."""
    stand_ins = optimizer.__dict__.setdefault("_stand_ins", {})
    if param not in stand_ins:
        stand_ins[param] = tensor_beside(param, np.zeros(tuple(param.shape), param.dtype.numpy))
    return stand_ins[param]


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
