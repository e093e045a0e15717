"""rearrange: dimensions by name, as in einops."""

from __future__ import annotations

import math
import re

from jaxtorch.ops.shaping import stack
from jaxtorch.tensor import Tensor

__all__ = ["rearrange"]


_EACH = ["each of ..."]  # an ellipsis by itself: its dimensions stay apart


def _groups(side: str) -> list[list[str]]:
    """``"a (b c) 1"`` as [["a"], ["b", "c"], []]."""
    tokens = re.findall(r"\(|\)|\.\.\.|[A-Za-z_]\w*|1(?!\w)|\S", side)
    groups: list[list[str]] = []
    inside = None
    for token in tokens:
        if token == "(":
            if inside is not None:
                raise ValueError(f"rearrange: nested parentheses in {side!r}")
            inside = []
        elif token == ")":
            if inside is None:
                raise ValueError(f"rearrange: unbalanced parentheses in {side!r}")
            groups.append(inside)
            inside = None
        elif token == "1":
            if inside is None:
                groups.append([])
        elif token == "..." and inside is None:
            groups.append(_EACH)
        elif token == "..." or token.isidentifier():
            groups.append([token]) if inside is None else inside.append(token)
        else:
            raise ValueError(f"rearrange: {token!r} in {side!r} is no name of a dimension")
    if inside is not None:
        raise ValueError(f"rearrange: unbalanced parentheses in {side!r}")
    return groups


def rearrange(tensor: Tensor | list | tuple, pattern: str, **axes_lengths: int) -> Tensor:
    """``rearrange(x, "b (h w) c -> b c h w", h=4)``: dimensions split, moved and merged by name.

    ``...`` stands for any dimensions, 1 for one of size 1; a list of Tensors has its number as the
    first dimension.
    """
    x = tensor if isinstance(tensor, Tensor) else stack(list(tensor))
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError(f"rearrange: the pattern {pattern!r} has not the form 'left -> right'")
    left, right = map(_groups, sides)
    spread = x.dim() - (len(left) - (_EACH in left))
    if spread < 0 or (spread and _EACH not in left):
        raise ValueError(f"rearrange: {pattern!r} does not fit a tensor of {x.dim()} dimensions")
    rest = [f"...{i}" for i in range(spread)]
    left = _spread(left, rest)
    sizes: dict[str, int] = {}
    for names, size in zip(left, x.shape, strict=True):
        _split(names, size, axes_lengths, sizes, pattern)
    before = [name for names in left for name in names]
    right = [_filled(names, rest) for names in _spread(right, rest)]
    after = [name for names in right for name in names]
    if sorted(before) != sorted(after) or len(set(before)) != len(before):
        raise ValueError(f"rearrange: the two sides of {pattern!r} do not name the same dimensions")
    if unknown := axes_lengths.keys() - set(before):
        raise ValueError(f"rearrange: {sorted(unknown)} are not in {pattern!r}")
    x = x.reshape([sizes[name] for name in before])
    x = x.permute([before.index(name) for name in after])
    return x.reshape([math.prod(sizes[name] for name in names) for names in right])


def _spread(groups: list[list[str]], rest: list[str]) -> list[list[str]]:
    """An ellipsis by itself as dimensions of its own."""
    found: list[list[str]] = []
    for names in groups:
        found.extend([[name] for name in rest]) if names is _EACH else found.append(names)
    return found


def _filled(names: list[str], rest: list[str]) -> list[str]:
    """An ellipsis in parentheses as the names it stands for."""
    return [n for name in names for n in (rest if name == "..." else [name])]


def _split(names: list[str], size: int, given: dict, sizes: dict, pattern: str) -> None:
    """The sizes of the dimensions that one is made of: one of them may be unknown."""
    unknown = [name for name in names if name not in given]
    known = math.prod(given[name] for name in names if name in given)
    if len(unknown) > 1:
        raise ValueError(f"rearrange: which sizes have {unknown} in {pattern!r}?")
    if (not unknown and known != size) or (unknown and (known == 0 or size % known)):
        raise ValueError(f"rearrange: {names} of {pattern!r} do not make up a dimension of {size}")
    for name in names:
        sizes[name] = given[name] if name in given else size // known
