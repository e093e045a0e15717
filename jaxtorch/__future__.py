"""``torch.__future__``: how modules change their parameters' device and dtype, and load them."""

__all__ = [
    "get_overwrite_module_params_on_conversion", "get_swap_module_params_on_conversion",
    "set_overwrite_module_params_on_conversion", "set_swap_module_params_on_conversion",
]  # fmt: skip

_overwrite = _swap = False


def set_overwrite_module_params_on_conversion(value: bool) -> None:
    """Shall ``module.to(...)`` and its kin put new Parameters in the place of the old, instead of
    new values into them? By default they do not."""
    global _overwrite
    _overwrite = value


def get_overwrite_module_params_on_conversion() -> bool:
    return _overwrite


def set_swap_module_params_on_conversion(value: bool) -> None:
    """Shall ``load_state_dict(assign=True)`` swap the tensors of the state dictionary into the
    module's own Parameters (``torch.utils.swap_tensors``), so that an optimizer that has them sees
    the change? By default it puts others in their place. ``module.to(...)`` keeps its Parameters
    either way."""
    global _swap
    _swap = value


def get_swap_module_params_on_conversion() -> bool:
    return _swap
