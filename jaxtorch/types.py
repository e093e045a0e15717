"""``torch.types``: the annotations that programs take from torch."""

from __future__ import annotations

import builtins
import os
from typing import IO, Any, TypeAlias

from jaxtorch import devices, left_out
from jaxtorch.dtypes import dtype as _dtype
from jaxtorch.size import Size as Size
from jaxtorch.storage import UntypedStorage as Storage
from jaxtorch.tensor import Tensor as Tensor

__all__ = ["Device", "FileLike", "Number", "Size", "Storage", "Tensor"]

_TensorOrTensors: TypeAlias = Tensor | tuple[Tensor, ...]
_dtype = _dtype
_device = devices.device
_size: TypeAlias = Size | list[builtins.int] | tuple[builtins.int, ...]
Number: TypeAlias = builtins.int | builtins.float | builtins.bool
Device: TypeAlias = devices.device | str | builtins.int | None
FileLike: TypeAlias = str | os.PathLike[str] | IO[bytes]
IntLikeType: TypeAlias = builtins.int
FloatLikeType: TypeAlias = builtins.float
BoolLikeType: TypeAlias = builtins.bool
_int, _float, _bool, _complex = builtins.int, builtins.float, builtins.bool, builtins.complex
PySymType: TypeAlias = Any

__getattr__ = left_out.attributes_of(__name__)
