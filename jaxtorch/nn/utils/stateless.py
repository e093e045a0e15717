"""torch.nn.utils.stateless: the older name of torch.func.functional_call."""

from __future__ import annotations

import warnings

from jaxtorch import func

__all__ = ["functional_call"]


def functional_call(
    module, parameters_and_buffers, args=None, kwargs=None, *, tie_weights: bool = True,
    strict: bool = False,
):  # fmt: skip
    """``torch.func.functional_call`` for one dictionary of tensors."""
    warnings.warn(
        "`torch.nn.utils.stateless.functional_call` is deprecated as of PyTorch 2.0 and will be "
        "removed in a future version of PyTorch. Please use `torch.func.functional_call` instead "
        "which is a drop-in replacement.",
        FutureWarning,
        stacklevel=2,
    )
    return func.functional_call(
        module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict
    )
