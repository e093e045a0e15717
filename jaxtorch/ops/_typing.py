"""What a type checker knows of an op: the parameters of its body, and that it gives a Tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, Self, TypeVar, overload

if TYPE_CHECKING:
    from jaxtorch.tensor import Tensor

P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class Function(Protocol[P, R]):
    """An op as a function and, in a class body, as a method."""

    op: Any
    body: Callable[..., Any]
    inplace: Callable[..., Tensor]

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(self, *args: Any, out: Any, **kwargs: Any) -> R: ...
    @overload
    def __get__(self, tensor: None, owner: Any) -> Self: ...
    @overload
    def __get__(self, tensor: Any, owner: Any) -> Callable[..., R]: ...


class Decorator(Protocol):
    """``@op(...)``. An op with several outputs gives a tuple of some kind."""

    @overload
    def __call__(self, body: Callable[P, tuple], /) -> Function[P, Any]: ...
    @overload
    def __call__(self, body: Callable[P, Any], /) -> Function[P, Tensor]: ...


class Declaration(Protocol):
    """``op`` and ``view``: a decorator, with or without arguments."""

    @overload
    def __call__(self, body: Callable[P, tuple], /) -> Function[P, Any]: ...
    @overload
    def __call__(self, body: Callable[P, Any], /) -> Function[P, Tensor]: ...
    @overload
    def __call__(self, **declared: Any) -> Decorator: ...
