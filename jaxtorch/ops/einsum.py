"""einsum: what its equation says, checked as torch does, and the product that JAX makes of it."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxtorch import dtypes
from jaxtorch.ops import _promote
from jaxtorch.ops._op import Arrays, op
from jaxtorch.ops.blas import _same_dtype

# How opt_einsum looks for the order of the products: torch.backends.opt_einsum.strategy.
path_strategy = "auto"


def einsum(*args):
    """Einstein's summation: einsum("ij,jk->ik", a, b) and so on; the operands may be one list.

    The form with sublists of numbers, einsum(a, [0, 1], b, [1, 2], [0, 2]), is there too.
    """
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one "
            "operand and its subscripts list"
        )
    if not isinstance(args[0], str):
        return einsum(*_from_sublists(*args))
    equation, *operands = args
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = operands[0]
    return _einsum(tuple(operands), equation, path_strategy)


def _from_sublists(*arguments):
    tensors, sublists = arguments[0::2], arguments[1::2]
    result = tensors[-1] if len(tensors) > len(sublists) else None
    tensors = tensors[: len(sublists)]
    written = [_letters(sublist) for sublist in sublists]
    equation = ",".join(written) + ("" if result is None else "->" + _letters(result))
    return equation, *tensors


def _letters(sublist) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    if any(number is not Ellipsis and not 0 <= number < 52 for number in sublist):
        raise ValueError(
            "einsum(): subscript in subscript list is not within the valid range [0, 52)"
        )
    return "".join("..." if number is Ellipsis else alphabet[number] for number in sublist)


@op(name="EinsumBackward0")
def _einsum(operands: Arrays, equation: str, strategy: str):
    _check_letters(equation)
    equation = equation.replace(" ", "")
    subscripts = equation.split("->")[0].split(",")
    if len(subscripts) != len(operands):
        few = "fewer" if len(operands) < len(subscripts) else "more"
        raise RuntimeError(f"einsum(): {few} operands were provided than specified in the equation")
    _check_subscripts(subscripts, operands)
    _check_result(equation)
    if len(operands) == 2 and not _contracts(equation):  # torch's product of elements: promoted
        common = dtypes.promote_types(*map(_promote.dtype_of, operands))
        operands = tuple(_promote.cast(x, common) for x in operands)
    for other in operands[1:]:
        _same_dtype(operands[0], other)
    wide = [_promote.widened(x) for x in operands]
    narrow = operands[0].dtype
    if _promote.is_integral(operands[0]) and _sums(equation):
        wide = [_promote.cast(x, dtypes.int64) for x in operands]
        narrow = wide[0].dtype
    with jax.numpy_rank_promotion("allow"):
        return jnp.einsum(equation, *wide, optimize=strategy).astype(narrow)


def _sides(equation: str) -> tuple[list[set[str]], str]:
    """The letters of each operand, and of the result."""
    inputs, arrow, result = equation.partition("->")
    if not arrow:
        result = "".join(c for c in inputs if inputs.count(c) == 1)
    return [set(part) for part in inputs.split(",")], result


def _contracts(equation: str) -> bool:
    """Is a letter of both operands missing in the result?"""
    (first, second), result = _sides(equation)
    return bool((first & second) - set(result) - {"."})


def _sums(equation: str) -> bool:
    """Is a letter of one operand alone missing in the result? torch sums over it beforehand, and
    its sums of integers are int64."""
    subscripts, result = _sides(equation)
    alone = {c for part in subscripts for c in part if sum(c in p for p in subscripts) == 1}
    return bool(alone - set(result) - {"."})


def _check_letters(equation: str) -> None:
    """Letters, spaces and commas, one arrow, and dots that are ellipses, one an operand."""
    arrow, operand, seen, at = equation.find("->"), 0, False, 0
    while at < len(equation):
        letter = equation[at]
        if at == arrow:
            operand, seen, at = -1, False, at + 2
            continue
        if letter == ".":
            whose = "the output" if operand < 0 else f"operand {operand}"
            if seen:
                raise RuntimeError(
                    f"einsum(): found '.' for {whose} for which an ellipsis was already found"
                )
            if equation[at : at + 3] != "...":
                raise RuntimeError(
                    f"einsum(): found '.' for {whose} that is not part of any ellipsis"
                )
            seen, at = True, at + 2
        elif letter == "," and operand >= 0:
            operand, seen = operand + 1, False
        elif letter != " " and not (letter.isascii() and letter.isalpha()):
            raise RuntimeError(
                f"einsum(): invalid subscript given at index {at} in the equation string, "
                "subscripts must be in [a-zA-Z]"
            )
        at += 1


def _check_result(equation: str) -> None:
    inputs, arrow, result = equation.partition("->")
    for at, letter in enumerate(result.replace("...", "")) if arrow else ():
        if letter in result[:at]:
            raise RuntimeError(
                f"einsum(): output subscript {letter} appears more than once in the output"
            )
        if letter not in inputs:
            raise RuntimeError(
                f"einsum(): output subscript {letter} does not appear in the equation for any "
                "input operand"
            )


def _check_subscripts(subscripts: list[str], operands) -> None:
    sizes: dict[str, int] = {}
    for number, (subscript, x) in enumerate(zip(subscripts, operands, strict=True)):
        before, _, after = subscript.partition("...")
        named = len(before) + len(after)
        if named != x.ndim if "..." not in subscript else named > x.ndim:
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({named}) does not match the "
                f"number of dimensions ({x.ndim}) for operand {number} and no ellipsis was given"
            )
        places = list(enumerate(before)) + [
            (x.ndim - len(after) + i, letter) for i, letter in enumerate(after)
        ]
        own: dict[str, int] = {}
        for place, letter in places:
            size, seen = x.shape[place], sizes.get(letter, 1)
            if own.setdefault(letter, size) != size:
                raise RuntimeError(
                    f"einsum(): subscript {letter} is repeated for operand {number} but the sizes "
                    f"don't match, {size} != {own[letter]}"
                )
            if 1 not in (size, seen) and size != seen:
                raise RuntimeError(
                    f"einsum(): subscript {letter} has size {size} for operand {number} which does "
                    f"not broadcast with previously seen size {seen}"
                )
            sizes[letter] = size if seen == 1 else seen
