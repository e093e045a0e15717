"""state_dict and load_state_dict, with every hook and every complaint of PyTorch's."""

from __future__ import annotations

import functools
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

from jaxtorch import __future__ as conversion
from jaxtorch.autograd import no_grad
from jaxtorch.nn.modules import _hooks
from jaxtorch.nn.modules._members import own_members
from jaxtorch.nn.parameter import Parameter
from jaxtorch.tensor import Tensor

EXTRA_STATE = "_extra_state"


class _IncompatibleKeys(NamedTuple):
    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"_IncompatibleKeys(missing_keys={self.missing_keys}, "
            f"unexpected_keys={self.unexpected_keys})"
        )

    __str__ = __repr__


def state_dict(self, *args, destination=None, prefix: str = "", keep_vars: bool = False) -> dict:
    """Every parameter and persistent buffer by its dotted name, in order of registration.

    The tensors are detached unless ``keep_vars``. The dict carries ``_metadata``: each module's
    version, which ``load_state_dict`` hands to ``_load_from_state_dict``.
    """
    if args:
        warnings.warn(
            "Positional args are being deprecated, use kwargs instead. Refer to "
            ""
            "https://pytorch.org/docs/main/generated/torch.nn.Module.html"
            "#torch.nn.Module.state_dict for details.",
            FutureWarning,
            stacklevel=2,
        )
        destination = args[0] if destination is None else destination
        prefix = args[1] if len(args) > 1 and prefix == "" else prefix
        keep_vars = args[2] if len(args) > 2 and not keep_vars else keep_vars
    if destination is None:
        destination = OrderedDict()
        setattr(destination, "_metadata", OrderedDict())  # noqa: B010  (unknown to its type)
    local_metadata = {"version": self._version}
    metadata = getattr(destination, "_metadata", None)
    if metadata is not None:
        metadata[prefix[:-1]] = local_metadata

    for hook in self._state_dict_pre_hooks.values():
        hook(self, prefix, keep_vars)
    self._save_to_state_dict(destination, prefix, keep_vars)
    for name, child in self._modules.items():
        if child is not None:
            child.state_dict(
                destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
            )
    for hook in self._state_dict_hooks.values():
        replaced = hook(self, destination, prefix, local_metadata)
        if replaced is not None:
            if getattr(hook, "_from_public_api", False):
                raise RuntimeError("state_dict post-hook must return None")
            destination = replaced
    return destination


def save_to_state_dict(self, destination: dict, prefix: str, keep_vars: bool) -> None:
    """Put this module's own tensors, not its children's, into ``destination``."""
    transient = self._non_persistent_buffers_set
    for name, tensor in own_members(self, "parameter") + own_members(self, "buffer"):
        if tensor is not None and name not in transient:
            destination[prefix + name] = tensor if keep_vars else tensor.detach()
    if _overrides(self, "get_extra_state"):
        destination[prefix + EXTRA_STATE] = self.get_extra_state()


def _overrides(module, method: str) -> bool:
    return getattr(type(module), method) is not _EXTRA_STATE_METHODS[method]


def get_extra_state(self) -> Any:
    """Override, with ``set_extra_state``, to put more than tensors into the state dict."""
    raise RuntimeError(
        "Reached a code path in Module.get_extra_state() that should never be called. Override it "
        "in your module and return what the state dict is to hold."
    )


def set_extra_state(self, state: Any) -> None:
    """Override to take back what ``get_extra_state`` returned."""
    raise RuntimeError(
        "Reached a code path in Module.set_extra_state() that should never be called. Override it "
        "in your module to take what get_extra_state returned."
    )


_EXTRA_STATE_METHODS = {"get_extra_state": get_extra_state, "set_extra_state": set_extra_state}


def load_state_dict(
    self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
) -> _IncompatibleKeys:
    """Take the values of ``state_dict``; with ``assign`` take its very tensors.

    Raises RuntimeError naming every key that is missing, unexpected (unless not ``strict``) or of
    another shape, with both shapes.
    """
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    missing: list[str] = []
    unexpected: list[str] = []
    errors: list[str] = []
    metadata = getattr(state_dict, "_metadata", None)
    state_dict = OrderedDict(state_dict)  # a copy: _load_from_state_dict may change it
    if metadata is not None:
        setattr(state_dict, "_metadata", metadata)  # noqa: B010

    def load(module, local_state: Mapping[str, Any], prefix: str) -> None:
        local_metadata = {} if metadata is None else metadata.get(prefix[:-1], {})
        if assign:
            local_metadata["assign_to_params_buffers"] = assign
        module._load_from_state_dict(
            local_state, prefix, local_metadata, True, missing, unexpected, errors
        )
        for name, child in module._modules.items():
            if child is not None:
                start = f"{prefix}{name}."
                load(child, {k: v for k, v in local_state.items() if k.startswith(start)}, start)
        keys = _IncompatibleKeys(missing, unexpected)
        for hook in module._load_state_dict_post_hooks.values():
            if hook(module, keys) is not None:
                raise AssertionError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not expected "
                    "to return new values, if incompatible_keys need to be modified, it should be "
                    "done inplace."
                )

    load(self, state_dict, "")
    if strict:
        if unexpected:
            errors.insert(0, f"Unexpected key(s) in state_dict: {_quoted(unexpected)}. ")
        if missing:
            errors.insert(0, f"Missing key(s) in state_dict: {_quoted(missing)}. ")
    if errors:
        raise RuntimeError(
            f"Error(s) in loading state_dict for {type(self).__name__}:\n\t" + "\n\t".join(errors)
        )
    return _IncompatibleKeys(missing, unexpected)


def _quoted(keys: list[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)


def load_from_state_dict(
    self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
) -> None:
    """Load this module's own tensors, not its children's; override to read older formats."""
    for hook in self._load_state_dict_pre_hooks.values():
        hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
    transient = self._non_persistent_buffers_set
    members = own_members(self, "parameter") + own_members(self, "buffer")
    local = {k: v for k, v in members if v is not None and k not in transient}
    assign = local_metadata.get("assign_to_params_buffers", False)
    for name, target in local.items():
        key = prefix + name
        if key in state_dict:
            _load_one(self, name, target, key, state_dict[key], assign, error_msgs)
        elif strict:
            missing_keys.append(key)

    extra_key = prefix + EXTRA_STATE
    if _overrides(self, "set_extra_state"):
        if extra_key in state_dict:
            self.set_extra_state(state_dict[extra_key])
        elif strict:
            missing_keys.append(extra_key)
    elif strict and extra_key in state_dict:
        unexpected_keys.append(extra_key)

    if strict:
        for key in state_dict:
            if key.startswith(prefix) and key != extra_key:
                first, _, rest = key[len(prefix) :].partition(".")
                known = self._kinds.get(first) == "module" if rest else first in local
                if not known:
                    unexpected_keys.append(key)


def _load_one(module, name, target, key, given, assign, errors: list[str]) -> None:
    from jaxtorch.utils import swap_tensors

    if not isinstance(given, Tensor):
        errors.append(
            f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like '
            "object "
            f"from checkpoint but received {type(given)}"
        )
        return
    if target.shape == () and given.shape == (1,):  # 0-dim tensors were 1-dim before version 0.4
        given = given[0]
    if given.shape != target.shape:
        errors.append(
            f"size mismatch for {key}: copying a param with shape {given.shape} from checkpoint, "
            f"the shape in current model is {target.shape}."
        )
        return
    if target.is_meta and not given.is_meta and not assign:
        warnings.warn(
            f"for {key}: copying from a non-meta parameter in the checkpoint to a meta parameter "
            "in the current model is a no-op: load_state_dict(..., assign=True) puts the tensors "
            "of the state dictionary in its place",
            stacklevel=2,
        )
    try:
        swap = conversion.get_swap_module_params_on_conversion()
        with no_grad():
            if swap:
                given = _loaded(target, given, assign)
            elif not assign:
                target.copy_(given)
                return
        if isinstance(target, Parameter):
            if isinstance(given, Parameter):
                given.requires_grad_(target.requires_grad)
            else:
                given = Parameter(given, requires_grad=target.requires_grad)
        if swap:
            swap_tensors(target, given)
        else:
            setattr(module, name, given)
    except Exception as error:
        action = "swapping" if conversion.get_swap_module_params_on_conversion() else "copying"
        errors.append(
            f'While {action} the parameter named "{key}", whose dimensions in the model are '
            f"{target.shape} and whose dimensions in the checkpoint are {given.shape}, an "
            "exception "
            f"occurred : {error.args}."
        )


def _loaded(target, given, assign: bool):
    loaded = target.module_load(given, assign=assign)
    if loaded is given or loaded is target:
        raise RuntimeError(
            "module_load returned one of self or other, please .detach() the result if returning "
            "one of the inputs in module_load"
        )
    return loaded if loaded._base is None else loaded.clone()  # a view cannot be swapped


# -------------------------------------------------------------------------------------------------
# Hooks


def register_state_dict_hook(self, hook):
    """``hook(module, state_dict, prefix, local_metadata)`` after; may return another dict at the
    root."""
    if getattr(hook, "_from_public_api", False):
        raise RuntimeError(
            "Cannot register the same function as the state dict post hook that was previously "
            "registered via register_state_dict_post_hook"
        )
    return _hooks.add(self._state_dict_hooks, hook)


def register_state_dict_post_hook(self, hook):
    """``hook(module, state_dict, prefix, local_metadata) -> None`` after this module's part is
    there."""
    hook._from_public_api = True
    return _hooks.add(self._state_dict_hooks, hook)


def register_state_dict_pre_hook(self, hook):
    """``hook(module, prefix, keep_vars)`` before this module's part is collected."""
    return _hooks.add(self._state_dict_pre_hooks, hook)


class _WrappedHook:
    """A pre-hook, which may get the module first; it does not hold the module, and unlike a closure
    it can be pickled and deep-copied with it."""

    def __init__(self, hook, module=None):
        functools.update_wrapper(self, hook)
        self.hook = hook
        self.with_module = module is not None
        self.module = None if module is None else weakref.ref(module)

    def __call__(self, *args):
        if self.module is None:
            return self.hook(*args)
        module = self.module()
        if module is None:
            raise RuntimeError("You are trying to call the hook of a dead Module!")
        return self.hook(module, *args)

    def __reduce__(self):
        return type(self), (self.hook, None if self.module is None else self.module())


def register_load_state_dict_pre_hook_without_module(self, hook, with_module: bool = False):
    """``hook(state_dict, prefix, local_metadata, strict, missing, unexpected, errors)`` before
    loading."""
    wrapped = _WrappedHook(hook, self if with_module else None)
    return _hooks.add(self._load_state_dict_pre_hooks, wrapped)


def register_load_state_dict_pre_hook(self, hook):
    """``hook(module, state_dict, prefix, local_metadata, strict, missing, unexpected, errors)``."""
    return _hooks.add(self._load_state_dict_pre_hooks, _WrappedHook(hook, self))


def register_load_state_dict_post_hook(self, hook):
    """``hook(module, incompatible_keys)`` after loading; it may change the two lists in place."""
    return _hooks.add(self._load_state_dict_post_hooks, hook)
