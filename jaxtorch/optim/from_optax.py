"""Any optax transformation as an optimizer in PyTorch's shape."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxtorch import autograd
from jaxtorch.engine import call, flush
from jaxtorch.engine.handles import node_of_array
from jaxtorch.optim.optimizer import Optimizer
from jaxtorch.tensor import Tensor, wrap

__all__ = ["OptaxOptimizer", "from_optax"]


def from_optax(
    transformation: optax.GradientTransformation | Callable[..., optax.GradientTransformation],
    params: Iterable,
    **options: Any,
) -> OptaxOptimizer:
    """An optimizer that steps `params` by an optax transformation.

    `transformation` is one that is made already, or a function that makes one from `options`:

        optimizer = from_optax(optax.adamw, net.parameters(), lr=1e-3, weight_decay=0.1)

    In the second form, and with optax.inject_hyperparams, numbers are options of the parameter
    groups (`learning_rate` is called `lr`): schedulers act on them, and a change recompiles
    nothing. An option may be an optax schedule, which then counts the steps by itself; to have one
    as a scheduler of PyTorch's shape, see OptaxLR. TypeError for options beside a transformation
    that is made already.

    A transformation sees a group's parameters as one dict, whose keys are their names where the
    optimizer was given names. So weights and biases are told apart, and gradients accumulated, by

        kinds = {"weight": optax.adamw(1e-3), "bias": optax.sgd(1e-2)}
        label = lambda params: {name: name.rpartition(".")[2] for name in params}
        optimizer = from_optax(optax.multi_transform(kinds, label), net.named_parameters())

        decay = optax.add_decayed_weights(
            0.1, mask=lambda params: {name: not name.endswith("bias") for name in params}
        )
        optimizer = from_optax(optax.chain(decay, optax.adam(1e-3)), net.named_parameters())

        optimizer = from_optax(optax.MultiSteps(optax.adam(1e-3), 4), net.parameters())
    """
    if isinstance(transformation, optax.MultiSteps):
        transformation = transformation.gradient_transformation()
    if isinstance(transformation, optax.GradientTransformation):
        if options:
            raise TypeError(
                f"from_optax: options {sorted(options)} need a function that makes the "
                "transformation (optax.adam, not optax.adam(1e-3))"
            )
        return OptaxOptimizer(params, _Recipe(transformation, (transformation,)))
    if "lr" in options and "lr" not in inspect.signature(transformation).parameters:
        options["learning_rate"] = options.pop("lr")
    made = optax.inject_hyperparams(transformation)(**options)
    fixed = tuple(
        sorted(
            (name, value if isinstance(value, bool) or not _is_number(value) else None)
            for name, value in options.items()
        )
    )
    return OptaxOptimizer(params, _Recipe(made, (transformation, fixed)))


def _is_number(value) -> bool:
    return isinstance(value, int | float)


@dataclass(frozen=True)
class _Recipe:
    """A transformation, and what makes two of them the same program."""

    transformation: optax.GradientTransformation = field(compare=False)
    identity: tuple


class _Leaf(NamedTuple):
    """Where a leaf of the transformation's state is kept."""

    kind: str  # "param", "shared" or "option"
    key: str
    index: int | None
    random: Any = None  # of a random key, which is kept as numbers: what makes it a key again


class OptaxOptimizer(Optimizer):
    """Parameter groups, closures and state_dicts over any optax.GradientTransformation.

    Each group is transformed by itself. State that has a parameter's shape is in that parameter's
    state, the rest under "group0" and so on. Unlike in PyTorch the transformation sees a zero for a
    parameter that has no gradient, and that parameter keeps its value.
    """

    def __init__(self, params: Iterable, recipe: _Recipe):
        self._recipe = recipe
        self._leaves: list[tuple[_Leaf, ...]] = []
        super().__init__(params, {})

    def transformation(self, group: int = 0) -> optax.GradientTransformation:
        """The optax transformation, as it was given."""
        return self._recipe.transformation

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        own = f"group{len(self.param_groups) - 1}"
        params = param_group["params"]
        names = _names(param_group)
        tree = dict(zip(names, (param.jax() for param in params), strict=True))
        with jax.enable_x64(True):
            state = jax.jit(self._recipe.transformation.init)(tree)
        leaves = _leaves_of(state, names)
        for leaf, value in zip(leaves, jax.tree.leaves(state), strict=True):
            if leaf.kind == "option":
                self.defaults.setdefault(leaf.key, value.item())
                param_group.setdefault(leaf.key, value.item())
                continue
            slot = self.state[own if leaf.index is None else params[leaf.index]]
            slot[leaf.key] = wrap(node_of_array(_without_key_type(value)))
        self._leaves.append(leaves)

    def step(self, closure: Callable | None = None):
        """Update the parameters; the closure's loss is passed on as optax's `value`."""
        loss = None
        if closure is not None:
            with autograd.enable_grad():
                loss = closure()
        tensors: list[Tensor] = []
        numbers: list[float] = []
        donates: list[int] = []
        handles: list[Tensor] = []
        layout: list[tuple] = []
        if loss is not None:
            tensors.append(loss)
        for i, (group, leaves) in enumerate(zip(self.param_groups, self._leaves, strict=True)):
            own = self.state[f"group{i}"]
            params = group["params"]
            grads = [param.grad for param in params]
            state = [
                (own if leaf.index is None else self.state[params[leaf.index]])[leaf.key]
                for leaf in leaves
                if leaf.kind != "option"
            ]
            numbers += [float(group[leaf.key]) for leaf in leaves if leaf.kind == "option"]
            donates += range(len(tensors), len(tensors) + len(params) + len(state))
            tensors += params
            tensors += state
            tensors += [grad for grad in grads if grad is not None]
            handles += params
            handles += state
            has_grad = tuple(grad is not None for grad in grads)
            layout.append((_names(group), leaves, has_grad))
        program = _program(self._recipe, tuple(layout), loss is not None)
        results = call(program, program, tensors, numbers, donates)
        for handle, result in zip(handles, results, strict=True):
            handle._adopt(result)
        flush(handles)
        return loss

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_recipe": self._recipe, "_leaves": self._leaves}


def _without_key_type(x: jax.Array) -> jax.Array:
    """A random key as the numbers it is made of: no Tensor holds a key."""
    return jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x


def _with_key_type(x: jax.Array, random) -> jax.Array:
    return x if random is None else jax.random.wrap_key_data(x, impl=random)


def _names(group: dict) -> tuple[str, ...]:
    """Names of the group's parameters in the tree that optax sees."""
    names = group.get("param_names")
    return tuple(names) if names else tuple(f"param{i:04d}" for i in range(len(group["params"])))


def _leaves_of(state, names: tuple[str, ...]) -> tuple[_Leaf, ...]:
    """Names for all leaves of an optax state: the end of the path, or all of it if shared."""
    number = {name: i for i, name in enumerate(names)}
    found = []
    flat = jax.tree_util.tree_flatten_with_path(state)[0]
    scheduled = {
        (*path[:i], path[i + 1])
        for path, _ in flat
        for i, entry in enumerate(path)
        if getattr(entry, "name", None) == "hyperparams_states"
    }
    for path, value in flat:
        parts, index, option = [], None, False
        for i, entry in enumerate(path):
            part = getattr(entry, "name", getattr(entry, "key", getattr(entry, "idx", None)))
            if isinstance(entry, jax.tree_util.DictKey) and part in number:
                index = number[part]
                continue
            if parts and parts[-1] == "hyperparams":
                option = (*path[: i - 1], entry) not in scheduled
            parts.append(str(part))
        if option:
            found.append(_Leaf("option", "lr" if parts[-1] == "learning_rate" else parts[-1], None))
        else:
            kind = "shared" if index is None else "param"
            is_key = jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
            random = jax.random.key_impl(value) if is_key else None
            found.append(_Leaf(kind, ".".join(parts), index, random))
    short = [leaf._replace(key=leaf.key.rpartition(".")[2]) for leaf in found]
    if len(set(short)) != len(short):
        short = [
            leaf if short.count(brief) > 1 else brief
            for leaf, brief in zip(found, short, strict=True)
        ]
    return tuple(short)


@functools.lru_cache(maxsize=128)
def _program(recipe: _Recipe, layout: tuple, with_value: bool):
    """The pure function of a step: by group, parameters and then state."""
    transformation = optax.with_extra_args_support(recipe.transformation)

    def program(arrays, numbers):
        arrays, numbers = iter(arrays), iter(numbers)
        extra = {"value": next(arrays)} if with_value else {}
        results = []
        for names, leaves, has_grad in layout:
            params = {name: next(arrays) for name in names}
            template, treedef = jax.tree.flatten(jax.eval_shape(transformation.init, params))
            state = [
                next(numbers).astype(like.dtype)
                if leaf.kind == "option"
                else _with_key_type(next(arrays), leaf.random)
                for leaf, like in zip(leaves, template, strict=True)
            ]
            grads = {
                name: next(arrays) if has else jnp.zeros_like(params[name])
                for name, has in zip(names, has_grad, strict=True)
            }
            updates, state = transformation.update(grads, treedef.unflatten(state), params, **extra)
            moved: Any = optax.apply_updates(params, updates)
            results += [
                moved[name] if has else params[name]
                for name, has in zip(names, has_grad, strict=True)
            ]
            results += [
                _without_key_type(new.astype(like.dtype))
                for new, leaf, like in zip(jax.tree.leaves(state), leaves, template, strict=True)
                if leaf.kind != "option"
            ]
        return tuple(results)

    program.__name__ = "optax_step"
    return program
