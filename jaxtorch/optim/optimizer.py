"""The Optimizer: parameter groups, per-parameter state, state_dicts and hooks."""

from __future__ import annotations

import itertools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import numpy as np
import optax

from jaxtorch import autograd
from jaxtorch.optim import update
from jaxtorch.tensor import Tensor
from jaxtorch.utils.hooks import RemovableHandle

__all__ = [
    "Optimizer",
    "register_optimizer_step_post_hook",
    "register_optimizer_step_pre_hook",
    "required",
]


class _Required:
    """Default of an option that every parameter group has to give."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()
_global_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
_global_post_hooks: OrderedDict[int, Callable] = OrderedDict()


def _register(hooks: OrderedDict, hook: Callable, prepend: bool = False) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_optimizer_step_pre_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` before every step of every optimizer."""
    return _register(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` after every step of every optimizer."""
    return _register(_global_post_hooks, hook)


def check(holds: bool, name: str, value) -> None:
    """Raise PyTorch's ValueError about an option's value."""
    if not holds:
        raise ValueError(f"Invalid {name}: {value}")


def check_lr(
    lr,
    *,
    foreach: bool | None = None,
    capturable: bool = False,
    text: str = "Invalid learning rate",
) -> None:
    if isinstance(lr, Tensor):
        if foreach and not capturable:
            raise ValueError(
                "lr as a Tensor is not supported for capturable=False and foreach=True"
            )
        if lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
    if not lr >= 0.0:
        raise ValueError(f"{text}: {lr}")


def check_betas(betas) -> None:
    for i in (0, 1):
        check(0.0 <= betas[i] < 1.0, f"beta parameter at index {i}", betas[i])


def check_flags(
    name: str,
    *,
    foreach: bool | None = None,
    differentiable: bool = False,
    fused: bool | None = None,
) -> None:
    """Judge PyTorch's flags for how an update runs.

    Here all parameters are always updated by one compiled program, so `foreach`, `fused` and
    `capturable` have nothing left to choose: they are kept in the groups and change no result.
    (On the CPU a step with `capturable` raises, as in PyTorch.)
    """
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
    if differentiable:
        raise NotImplementedError(
            f"{name}(differentiable=True): step() carries no gradient. Differentiate a function "
            "that calls the optax transformation (jaxtorch.optim.transforms) with jaxtorch.func."
        )


def _hooked(step: Callable) -> Callable:
    """`step` with the optimizer's and the global hooks around it."""

    def step_with_hooks(self, *args, **kwargs):
        if "_optimizer_step_pre_hooks" not in self.__dict__:  # its __init__ did not call ours
            return step(self, *args, **kwargs)
        if not (
            self._optimizer_step_pre_hooks
            or self._optimizer_step_post_hooks
            or _global_pre_hooks
            or _global_post_hooks
        ):
            self._opt_called = True
            return step(self, *args, **kwargs)
        for hook in (*_global_pre_hooks.values(), *self._optimizer_step_pre_hooks.values()):
            result = hook(self, args, kwargs)
            if result is not None:
                if not (isinstance(result, tuple) and len(result) == 2):
                    raise RuntimeError(
                        f"{step} must return None or a tuple of (new_args, new_kwargs), "
                        f"but got {result}."
                    )
                args, kwargs = result
        self._opt_called = True
        out = step(self, *args, **kwargs)
        for hook in (*self._optimizer_step_post_hooks.values(), *_global_post_hooks.values()):
            hook(self, args, kwargs)
        return out

    step_with_hooks.__name__ = "step"
    step_with_hooks.__qualname__ = step.__qualname__
    step_with_hooks.__doc__ = step.__doc__
    step_with_hooks.__wrapped__ = step
    return step_with_hooks


class Optimizer:
    """Base of all optimizers.

    A subclass either overrides `step`, as subclasses written for PyTorch do, or names its
    `_transformation` (which makes an optax.GradientTransformation) and says what its options and
    its state are; `step` then records one update of all parameters.
    """

    profile_hook_step = staticmethod(_hooked)
    OptimizerPreHook = Callable[["Optimizer", tuple, dict], tuple[tuple, dict] | None]
    OptimizerPostHook = Callable[["Optimizer", tuple, dict], None]
    # The transformation's factory; its arguments are the options below.
    _transformation: Callable[..., optax.GradientTransformation] | None = None
    # Group option -> what it is to the transformation: "number" (data: a change recompiles
    # nothing), "optional" (data, but zero leaves its term out), "flag" (structure), or a tuple of
    # argument names for an option that is a tuple of numbers.
    _options: dict[str, str | tuple[str, ...]] = {}
    # Leaves of the transformation's state -> keys of PyTorch's state, where they differ.
    _leaf_names: dict[str, str] = {}
    _counts_steps = True
    _asked_if_capturable = "params and state_steps"  # what an error of PyTorch's names

    _optimizer_step_pre_hooks: OrderedDict[int, Callable]
    _optimizer_step_post_hooks: OrderedDict[int, Callable]
    _optimizer_state_dict_pre_hooks: OrderedDict[int, Callable]
    _optimizer_state_dict_post_hooks: OrderedDict[int, Callable]
    _optimizer_load_state_dict_pre_hooks: OrderedDict[int, Callable]
    _optimizer_load_state_dict_post_hooks: OrderedDict[int, Callable]
    _patterns: set[tuple]  # of parameters that had gradients: see update.py
    _step_when_scheduled: Any  # `step` as the first schedule found it: see lr_base.py

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _hooked(cls.__dict__["step"])

    def __init__(self, params: Iterable, defaults: dict[str, Any]):
        self.defaults = defaults
        self._make_hooks()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got {params.type()}"
            )
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _make_hooks(self) -> None:
        """Begin with no hooks (a copy or an unpickled optimizer has none, as in PyTorch)."""
        self._opt_called = False
        self.__dict__.setdefault("_optimizer_step_pre_hooks", OrderedDict())
        self.__dict__.setdefault("_optimizer_step_post_hooks", OrderedDict())
        self.__dict__.setdefault("_optimizer_state_dict_pre_hooks", OrderedDict())
        self.__dict__.setdefault("_optimizer_state_dict_post_hooks", OrderedDict())
        self.__dict__.setdefault("_optimizer_load_state_dict_pre_hooks", OrderedDict())
        self.__dict__.setdefault("_optimizer_load_state_dict_post_hooks", OrderedDict())
        self.__dict__.setdefault("_patterns", set())

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            for key in sorted(group):
                if key != "params":
                    text += f"    {key}: {group[key]}\n"
        return text + ")"

    # -- parameters -------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimize more parameters: `param_group` has `params` and options of its own.

        TypeError for what is no Tensor or has no order, ValueError for non-leaf Tensors, for
        parameters another group has, and for missing options.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the "
                "ordering of tensors in sets will change between runs. Please use a list instead."
            )
        params = [params] if isinstance(params, Tensor) else list(params)
        names = [item[0] for item in params if isinstance(item, tuple)]
        params = [item[1] if isinstance(item, tuple) else item for item in params]
        param_group["params"] = params
        if names:
            if len(names) != len(params):
                raise ValueError(
                    "all optimizer params should be with/without names. Some param names are "
                    "missing"
                )
            param_group["param_names"] = names
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, but one of the params is "
                    f"{_typename(param)}"
                )
            if not (param.is_leaf or param.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    "parameter group didn't specify a value of required optimization parameter "
                    f"{name}"
                )
            param_group.setdefault(name, default)
        ids = {id(param) for param in params}
        if len(ids) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this "
                "will cause an error; see github.com/pytorch/pytorch/issues/40967 for more "
                "information",
                stacklevel=3,
            )
        for group in self.param_groups:
            if ("param_names" in param_group) != ("param_names" in group):
                found = "with names" if "param_names" in param_group else "without names"
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param "
                    f"group {found} to the optimizer"
                )
            if any(id(param) in ids for param in group["params"]):
                raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop all parameters' gradients, or with `set_to_none=False` make them zeros."""
        for group in self.param_groups:
            for param in group["params"]:
                if set_to_none:
                    param.grad = None
                elif param.grad is not None:
                    param.grad = param.grad.detach()
                    param.grad.zero_()

    # -- the step ---------------------------------------------------------------------------

    def step(self, closure: Callable | None = None):
        """Update every parameter that has a gradient; return what `closure` returns, the loss.

        The update is recorded and evaluated together with what is pending of the forward and
        backward pass.
        """
        if self._transformation is None:
            raise NotImplementedError(f"{type(self).__name__}.step")
        loss = None
        if closure is not None:
            with autograd.enable_grad():
                loss = closure()
        update.record_step(self)
        return loss

    step = _hooked(step)

    def _updates_only(self) -> bool:
        """Is a step nothing but the update that `record_step` records?"""
        hooked = _global_pre_hooks or _global_post_hooks
        return not hooked and type(self).step is Optimizer.step and self._transformation is not None

    def transformation(self, group: int = 0) -> optax.GradientTransformation:
        """The optax transformation that updates this parameter group, with its present numbers.

        Its `update(grads, state, params)` takes any pytree of arrays, and its updates are to be
        added: `optax.apply_updates(params, updates)`.
        """
        make = self._transformation
        if make is None:
            raise NotImplementedError(f"{type(self).__name__} has no optax transformation")
        options = {}
        for option, kind in self._options.items():
            value = self.param_groups[group][option]
            names, values = (kind, value) if isinstance(kind, tuple) else ((option,), (value,))
            for name, number in zip(names, values, strict=True):
                options[name] = number.item() if isinstance(number, Tensor) else number
        return make(**options)

    def _state_keys(self, group: dict, param: Tensor) -> tuple[str, ...]:
        """Keys of PyTorch's state of this parameter, beside `step`, in its order."""
        return ()

    def _new_state(self, group: dict, key: str, shape: tuple[int, ...], dtype) -> np.ndarray:
        """The value of a state key before the first step of a parameter."""
        return np.zeros(shape, dtype)

    def _init_state(self, group: dict, param: Tensor) -> dict[str, Tensor]:
        """Fill in what is missing of a parameter's state.

        PyTorch makes it during the first step; here it is there before, so that the first step
        and the second are one program. NumPy makes the zeros: XLA would compile for each shape.
        """
        state = self.state[param]
        if self._counts_steps and "step" not in state:
            state["step"] = update.zero_step(self, param)
        for key in self._state_keys(group, param):
            if state.get(key) is None:
                value = self._new_state(group, key, tuple(param.shape), param.dtype.numpy)
                state[key] = update.tensor_beside(param, value)
        return state

    # -- state_dict -------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """`state` by the parameter's number and `param_groups` with numbers for parameters.

        Tensors in it keep the values of now. (PyTorch's go on to change with the optimizer's.)
        """
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        numbers: dict[int, int] = {}
        start = 0
        groups = []
        for group in self.param_groups:
            for i, param in enumerate(group["params"], start):
                numbers.setdefault(id(param), i)
            start += len(group["params"])
            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [numbers[id(param)] for param in group["params"]]
            groups.append(packed)
        state = {
            numbers[id(key)] if isinstance(key, Tensor) else key: _map_tensors(
                update.snapshot, value
            )
            for key, value in self.state.items()
        }
        state_dict = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            result = hook(self, state_dict)
            if result is not None:
                state_dict = result
        return state_dict

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` of an optimizer of the same groups returned.

        Tensors are copied, and cast to dtype and device of their parameter (`step` is not cast).
        ValueError when groups differ in number or size.
        """
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            result = hook(self, state_dict)
            if result is not None:
                state_dict = result
        groups = self.param_groups
        saved = deepcopy(state_dict["param_groups"])
        if len(groups) != len(saved):
            raise ValueError("loaded state dict has a different number of parameter groups")
        sizes = [(len(g["params"]), len(s["params"])) for g, s in zip(groups, saved, strict=True)]
        if any(mine != theirs for mine, theirs in sizes):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of "
                "optimizer's group"
            )
        param_of = dict(
            zip(
                itertools.chain.from_iterable(group["params"] for group in saved),
                itertools.chain.from_iterable(group["params"] for group in groups),
                strict=True,
            )
        )
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            param = param_of.get(key)
            if param is None:
                state[key] = _map_tensors(update.snapshot, value)
            else:
                state[param] = _map_tensors(lambda t, k, p=param: _fit(p, t, k), value)
        for group, new in zip(groups, saved, strict=True):
            new["params"] = group["params"]
            if "param_names" in group:
                new.setdefault("param_names", group["param_names"])
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._make_hooks()
        if self._transformation is None:
            return
        for group in self.param_groups:
            for name, default in self.defaults.items():
                group.setdefault(name, default)
        if self._counts_steps:
            update.share_steps(self)

    # -- hooks ------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before a step; it may return new (args, kwargs)."""
        return _register(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after a step."""
        return _register(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False):
        """Call `hook(optimizer)` before `state_dict`."""
        return _register(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False):
        """Call `hook(optimizer, state_dict)` after `state_dict`; it may return another one."""
        return _register(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False):
        """Call `hook(optimizer, state_dict)` before loading; it may return another one."""
        return _register(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False):
        """Call `hook(optimizer)` after loading."""
        return _register(self._optimizer_load_state_dict_post_hooks, hook, prepend)


def _typename(value) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _map_tensors(f: Callable, value, key=None):
    """`f(tensor, key)` for all Tensors in nested dicts and sequences."""
    if isinstance(value, Tensor):
        return f(value, key)
    if isinstance(value, dict):
        return {k: _map_tensors(f, v, k) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_map_tensors(f, v, key) for v in value)
    return value


def _fit(param: Tensor, value: Tensor, key) -> Tensor:
    """A loaded state Tensor as this parameter needs it."""
    dtype = value.dtype if key == "step" or not param.is_floating_point() else param.dtype
    return update.snapshot(value.to(device=param.device, dtype=dtype))
