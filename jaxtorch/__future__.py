"""``torch.__future__``: how a Module's tensors are replaced when it is moved, cast or loaded."""

from __future__ import annotations

__all__ = [
    "get_overwrite_module_params_on_conversion", "get_swap_module_params_on_conversion",
    "set_overwrite_module_params_on_conversion", "set_swap_module_params_on_conversion",
]  # fmt: skip

_overwrite = False
_swap = False


def set_overwrite_module_params_on_conversion(value: bool) -> None:
    """Let ``module.to`` and its kin make new Parameters; the ones before stay as they are."""
    global _overwrite
    _overwrite = value


def get_overwrite_module_params_on_conversion() -> bool:
    """Are Parameters made anew? No, by default: the same Parameter gets another value."""
    return _overwrite


def set_swap_module_params_on_conversion(value: bool) -> None:
    """Let ``module.to`` and ``load_state_dict`` go by ``torch.utils.swap_tensors``, the latter
    after ``param.module_load``: the Parameter stays, its class and dtype may not."""
    global _swap
    _swap = value


def get_swap_module_params_on_conversion() -> bool:
    """Are tensors swapped? No, by default. It goes before overwriting."""
    return _swap
