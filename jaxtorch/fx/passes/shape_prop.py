"""ShapeProp: runs a graph, and notes the shape and dtype of each result at its node."""

from __future__ import annotations

import traceback
from typing import Any, NamedTuple

from jaxtorch import layouts
from jaxtorch.fx.interpreter import Interpreter
from jaxtorch.fx.node import Node, map_aggregate
from jaxtorch.size import Size
from jaxtorch.tensor import Tensor

__all__ = ["ShapeProp", "TensorMetadata"]


class TensorMetadata(NamedTuple):
    """What is kept of a tensor in ``node.meta["tensor_meta"]``."""

    shape: Size
    dtype: Any
    requires_grad: bool
    stride: tuple[int, ...]
    memory_format: Any
    is_quantized: bool
    qparams: dict[str, Any]


_FORMATS = (layouts.contiguous_format, layouts.channels_last, layouts.channels_last_3d)


def _extract_tensor_metadata(result: Tensor, include_contiguity: bool = True) -> TensorMetadata:
    form = None
    if include_contiguity:
        form = next((f for f in _FORMATS if result.is_contiguous(memory_format=f)), None)
    return TensorMetadata(
        result.shape, result.dtype, result.requires_grad, result.stride(), form, False, {}
    )


class ShapeProp(Interpreter):
    """``ShapeProp(gm).propagate(*inputs)`` writes ``meta["tensor_meta"]`` and ``meta["type"]``."""

    def __init__(self, gm, fake_mode: Any = None):
        if fake_mode is not None:
            raise NotImplementedError(
                "ShapeProp(fake_mode=...): inputs on the device 'meta' have shapes and no values"
            )
        super().__init__(gm)

    def run_node(self, n: Node) -> Any:
        try:
            result = super().run_node(n)
        except Exception as error:
            traceback.print_exc()
            raise RuntimeError(
                f"ShapeProp error for: node={n.format_node()} with meta={n.meta}"
            ) from error
        found = False

        def note(x):
            nonlocal found
            if not isinstance(x, Tensor):
                return x
            found = True
            return _extract_tensor_metadata(x)

        meta = map_aggregate(result, note)
        if found:
            n.meta["tensor_meta"] = meta
        n.meta["type"] = type(result)
        return result

    def propagate(self, *args) -> Any:
        return super().run(*args)
