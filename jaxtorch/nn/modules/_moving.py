"""Moving and casting a module: to, cuda, half and the rest, all of them one function on every
tensor."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import NoneType
from typing import Any, cast

from jaxtorch import __future__ as conversion, devices, dtypes, layouts
from jaxtorch.autograd import no_grad
from jaxtorch.nn.modules._members import type_name
from jaxtorch.nn.parameter import Parameter
from jaxtorch.tensor import Tensor

__all__ = ["MovingMethods"]


class MovingMethods:
    """Methods of Module that replace the values of its parameters, gradients and buffers."""

    _kinds: dict[str, str]
    _buffers: Any
    children: Callable[..., Any]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True):
        """``fn`` on every parameter, its gradient and every buffer; parameters stay the same
        objects, unless ``torch.__future__`` says otherwise."""
        from jaxtorch.utils import swap_tensors

        if recurse:
            for child in self.children():
                child._apply(fn)
        for name, kind in list(self._kinds.items()):
            tensor = self.__dict__[name]
            if tensor is None or kind == "module":
                continue
            if kind == "buffer":
                self._buffers[name] = fn(tensor)
                continue
            with no_grad():
                grad = tensor.grad
                applied = fn(tensor)
                applied_grad = None if grad is None else fn(grad)
                if conversion.get_swap_module_params_on_conversion():
                    tensor.grad = None
                    swap_tensors(tensor, Parameter(applied, tensor.requires_grad))
                elif conversion.get_overwrite_module_params_on_conversion():
                    tensor = self._parameters[name] = Parameter(applied, tensor.requires_grad)
                    grad = applied_grad
                else:
                    tensor.data = applied
                if grad is not None:
                    grad.data = applied_grad
                    tensor.grad = grad
        return self

    def to(self, *args: Any, **kwargs: Any):
        """``to(device)``, ``to(dtype)``, ``to(device, dtype)`` or ``to(tensor)``; in place.

        Only floating point and complex tensors take the dtype, which must be one of those itself.
        """
        device, dtype = _to_arguments(*args, **kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, but got desired "
                f"dtype={dtype}"
            )

        if dtype is not None and dtype.is_complex:
            warnings.warn(
                "Complex modules are new: some layers may not work with complex parameters",
                stacklevel=2,
            )

        def move(t: Tensor) -> Tensor:
            if t.is_meta and device is not None and devices.device(device).type != "meta":
                raise NotImplementedError(
                    "Cannot copy out of meta tensor; no data! torch.nn.Module.to_empty(device=...) "
                    "takes a module from the meta device, and its values are then to be loaded"
                )
            cast = dtype if t.is_floating_point() or t.is_complex() else None
            wanted = {"device": device, "dtype": cast}
            return t.to(**{k: v for k, v in wanted.items() if v is not None})

        return self._apply(move)

    def cuda(self, device=None):
        return self._apply(lambda t: t.cuda(device))

    def cpu(self):
        return self._apply(lambda t: t.cpu())

    def type(self, dst_type):
        """Cast every parameter and buffer, integers included."""
        return self._apply(lambda t: cast(Tensor, t.type(dst_type)))

    def _cast(self, dtype):
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    def float(self):
        return self._cast(dtypes.float32)

    def double(self):
        return self._cast(dtypes.float64)

    def half(self):
        return self._cast(dtypes.float16)

    def bfloat16(self):
        return self._cast(dtypes.bfloat16)

    def to_empty(self, *, device, recurse: bool = True):
        """Move to a device without the values: each tensor there is zeros."""
        from jaxtorch.ops.creation import zeros_like

        return self._apply(lambda t: zeros_like(t, device=device), recurse=recurse)

    def xpu(self, device=None):
        """As ``to("xpu")``: raises, for JAX has no such devices."""
        return self.to("xpu" if device is None else device)

    def ipu(self, device=None):
        """As ``to("ipu")``: raises, for JAX has no such devices."""
        return self.to("ipu" if device is None else device)

    def mtia(self, device=None):
        """As ``to("mtia")``: raises, for JAX has no such devices."""
        return self.to("mtia" if device is None else device)

    def compile(self, *args, **kwargs) -> None:
        """``torch.compile`` in place: the arguments are checked as there, and the module stays what
        it is, for the engine compiles what runs."""
        from jaxtorch.compiled import compile

        vars(self)["_compiled_call"] = compile(self._call_impl, *args, **kwargs)

    def share_memory(self):
        """Raises: an update in one process could not be seen in another."""
        raise NotImplementedError(
            "Module.share_memory(): arrays are immutable, so that what one process trains could "
            "not be seen in another: send state_dicts between them, or shard over devices"
        )


_SIGNATURES = (
    ("device", "dtype", "non_blocking", "copy"), ("dtype", "non_blocking", "copy"),
    ("tensor", "non_blocking", "copy"),
)  # fmt: skip
_KINDS: dict[str, tuple] = {
    "device": (str, int, devices.device, NoneType),
    "dtype": (dtypes.dtype, NoneType),
    "tensor": (Tensor,),
    "non_blocking": (bool,),
    "copy": (bool,),
    "memory_format": (layouts.memory_format, NoneType),
}
_TYPES = (bool, int, float, complex)  # dtypes too: see dtypes.of


def _fits(name: str, value: Any) -> bool:
    return isinstance(value, _KINDS[name]) or (name == "dtype" and value in _TYPES)


def _to_arguments(*args, **kwargs):
    """(device, dtype) of ``to``'s arguments. XLA lays arrays out by itself, so that a memory format
    asks for nothing, and its transfers never block."""
    for names in _SIGNATURES:
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        known = {*names, "memory_format"}
        whole = len(given) == len(args) + len(kwargs) and known.issuperset(given)
        if whole and all(_fits(name, value) for name, value in given.items()):
            if "tensor" in given:
                return given["tensor"].device, given["tensor"].dtype
            return given.get("device"), dtypes.of(given.get("dtype"))
    got = [type_name(value) for value in args]
    got += [f"{name}={type_name(value)}" for name, value in kwargs.items()]
    raise TypeError(
        f"to() received an invalid combination of arguments - got ({', '.join(got)}), but expected "
        "(device, dtype), (dtype) or (tensor), each with non_blocking, copy and memory_format"
    )
