"""``@op``: from a pure function on arrays to a function on Tensors.

The annotations of the body say what each parameter is; from them a wrapper with the same signature
is generated, short enough that recording an op costs what PyTorch's dispatch of it costs. Tensor
itself is not imported here: it registers its classes and its way to wrap a node.
"""

from __future__ import annotations

import functools
import re
from types import FunctionType
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jaxtorch import dtypes
from jaxtorch.engine.handles import Handles, TensorBase
from jaxtorch.engine.kernels import check
from jaxtorch.ops import _result_type
from jaxtorch.ops._typing import Declaration
from jaxtorch.ops._wrapper import NUMPY_NAMES, unbuilt

__all__ = [
    "FOUND", "SCALAR", "Array", "Arrays", "Mask", "Operand", "Scalar", "check", "index_dtype", "op",
    "view",
]  # fmt: skip

# What a parameter of a body is (see DESIGN, "ops"): only the names are read.
if TYPE_CHECKING:
    Array = Arrays = Operand = Scalar = Any
else:

    class Array:
        """A Tensor; the body gets its array."""

    class Arrays:
        """A sequence of Tensors; the body gets a tuple of arrays."""

    class Operand:
        """A Tensor or a Python number; the body gets an array, cast as ``promote`` says."""

    class Scalar:
        """A Python number, an input of the program and never a constant in it."""


Mask = Any

# op(out=...): what an op that casts nothing says where out's dtype is not the result's
FOUND = "Found dtype {got.legacy} but expected {have.legacy}"
SCALAR = "expected scalar_type {have.legacy} but found {got.legacy}"


def _as_declared(declaration: Any) -> Declaration:
    """Says to type checkers what a decorator of bodies makes of them."""
    return declaration


def index_dtype():
    """The dtype of indices: int64 where 64-bit types are on, as in PyTorch; else int32."""
    return jnp.int64 if jax.config.jax_enable_x64 else jnp.int32


# Where ops live that compute nothing with what they move.
_MOVING = frozenset(
    "comparison conversion copies creation filling index_along indexing reshaping scattering "
    "shaping slicing strides views".split()
)


class Op:
    """A pure function on arrays and what is declared of it."""

    __slots__ = (
        "name", "body", "promote", "vjp", "grad_name", "nondiff", "result", "put", "is_view",
        "retypes", "prompt", "params", "statics",
    )  # fmt: skip

    def __init__(
        self, body, *, promote, vjp, name, nondiff, result, put, is_view, retypes=False,
        prompt=False,
    ):  # fmt: skip
        self.name = body.__name__.strip("_")
        self.body = body
        self.promote = promote
        self.vjp = vjp
        self.grad_name = name
        self.nondiff = nondiff
        self.result = result
        self.put = put
        self.is_view = is_view
        self.retypes = retypes  # a view of another dtype than its base's
        self.prompt = prompt  # its checks raise at the call, where a program could catch it
        self.params = []  # (name, kind, optional) of the array parameters, in order
        self.statics = []
        code = body.__code__
        for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
            kind, optional = _kind(body.__annotations__.get(name, ""))
            if kind:
                self.params.append((name, kind, optional))
            else:
                self.statics.append(name)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def bind(self, layout: tuple, statics: dict, avals: tuple):
        """``body(reverse, *flat arrays)`` for inputs of these avals; ``layout`` has, for each array
        parameter, None or the length of its sequence."""
        kinds = [
            kind
            for (_, kind, _), length in zip(self.params, layout, strict=True)
            for _ in range(1 if length is None else length)
        ]
        if not dtypes.FLOAT8_TYPES.isdisjoint(a.dtype for a in avals):
            self._refuse_float8(avals)
        if kinds.count("Operand") > 1 and not set(kinds) - {"Operand", "Scalar"}:
            _result_type.some_tensor(self.name, avals)
        cast = _result_type.caster(self.promote, avals, kinds) if self.promote else None

        def run(reverse, *flat):
            if cast is not None:
                flat = cast.inputs(flat)
            if reverse is not None and self.vjp is not None:
                out = self._with_vjp(layout, statics, reverse)(*flat)
            else:
                out = self.call(layout, statics, flat)
            return cast.output(out) if cast is not None else out

        return run

    def _refuse_float8(self, avals) -> None:
        """Such numbers are moved, compared and converted, and nothing else, as in PyTorch."""
        if self.body.__module__.rpartition(".")[2] not in _MOVING:
            legacy = next(a.dtype.legacy for a in avals if a.dtype in dtypes.FLOAT8_TYPES)
            raise NotImplementedError(f"\"{self.name}\" not implemented for '{legacy}'")

    def call(self, layout, statics, flat):
        arguments = {}
        arrays = iter(flat)
        for (name, _, _), length in zip(self.params, layout, strict=True):
            if length is None:
                arguments[name] = next(arrays)
            else:
                arguments[name] = tuple(next(arrays) for _ in range(length))
        return self.body(**arguments, **statics)

    def _with_vjp(self, layout, statics, needs):
        """The body with the op's registered vjp in force."""

        @jax.custom_vjp
        def run(*flat):
            return self.call(layout, statics, flat)

        def forward(*flat):
            out = self.call(layout, statics, flat)
            return out, (flat, out)

        def backward(kept, grads):
            flat, out = kept
            mine = self.vjp(needs, flat, statics, out, grads)
            return tuple(
                None if g is None else g.astype(a.dtype) for g, a in zip(mine, flat, strict=True)
            )

        run.defvjp(forward, backward)
        return run


def _kind(annotation) -> tuple[str | None, bool]:
    text = (
        annotation
        if isinstance(annotation, str)
        else getattr(annotation, "__name__", str(annotation))
    )
    words = set(re.findall(r"\w+", text))
    kinds = words & {"Array", "Arrays", "Operand", "Scalar", "Mask"}
    return (kinds.pop() if kinds else None), "None" in words


# ---------------------------------------------------------------------------------------------
# The decorators


@_as_declared
def op(body=None, *, promote=None, vjp=None, name=None, nondiff=False, out=False, result=None,
       prompt=False):  # fmt: skip
    """Make a function on Tensors of a pure function on arrays (see the module's docstring).

    ``out=``: it takes ``out``, by this rule about its dtype (see ``outputs``): True, "same", a
    text, a function; "dtype": that of ``out`` is the default of the parameter ``dtype``.
    ``prompt``: its checks raise at the call, where a program could catch it (see ``catching``).
    """
    return _decorate(body, out, promote=promote, vjp=vjp, name=name, nondiff=nondiff, result=result,
                     put=None, is_view=False, prompt=prompt)  # fmt: skip


@_as_declared
def view(body=None, *, put=None, name=None, vjp=None, nondiff=False, retypes=False):
    """As ``op``, for a view of the first argument: ``put(base, value, **statics)`` writes
    through. One that ``retypes`` has another dtype than its base, and so has what is written."""
    return _decorate(body, False, promote=None, vjp=vjp, name=name, nondiff=nondiff, result=None,
                     put=put, is_view=True, retypes=retypes)  # fmt: skip


def _decorate(body, out, **declared):
    if body is None:
        return lambda b: _decorate(b, out, **declared)
    operation = Op(body, **declared)
    function: Any = unbuilt(operation, out)
    function.__name__ = function.__qualname__ = body.__name__
    function.__doc__ = body.__doc__
    function.__module__ = body.__module__
    function.__wrapped__ = body
    function.op = operation
    function.body = body
    function.inplace = inplace(function)
    return function


def inplace(function):
    """The in-place method of a function: what it returns becomes the value of its first
    argument."""

    elementwise = getattr(getattr(function, "op", None), "promote", None) is not None

    def write(self, *args, **kwargs):
        if self._base is not None and elementwise and args and isinstance(args[0], TensorBase):
            if args[0]._base is not None:
                Handles.refuse_partial_overlap(self, args[0])
        return self._write(function(self, *args, **kwargs))

    write.__name__ = write.__qualname__ = function.__name__.strip("_") + "_"
    write.__doc__ = f"In-place form of ``{function.__name__}``."
    write.__module__ = function.__module__
    write.__wrapped__ = function
    return write


def twin(function, module: str | None = None, name: str | None = None):
    """Another function that does the same, of another module or name, where PyTorch has two: so
    that programs that look at functions can tell them apart."""
    if function.__globals__.get("ME") is function:
        made: Any = unbuilt(function.op, function.__globals__["OUT"])
    else:
        made = FunctionType(
            function.__code__, function.__globals__, function.__name__, function.__defaults__,
            function.__closure__,
        )  # fmt: skip
        made.__kwdefaults__ = function.__kwdefaults__
    functools.update_wrapper(made, function)
    made.__module__ = module or function.__module__
    made.__name__ = made.__qualname__ = name or function.__name__
    made.twin = function
    made.__wrapped__ = getattr(function, "__wrapped__", function)
    return made


def numpy_names(function):
    """Let a function that is no op take ``axis`` and ``keepdims`` for ``dim`` and ``keepdim``."""

    @functools.wraps(function)
    def renamed(*args, **kwargs):
        if kwargs:
            for ours, theirs in NUMPY_NAMES.items():
                if theirs in kwargs:
                    kwargs[ours] = kwargs.pop(theirs)
        return function(*args, **kwargs)

    return renamed
