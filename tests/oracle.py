"""The oracle: an op of jaxtorch beside the same op of real PyTorch, or beside the numbers it gave.

A test file is a table of rows::

    ROWS = [row("add", F(2, 3), F(3), alpha=2), raises("mm", F(2, 3), F(4, 5), error=RuntimeError)]
    test_row, test_inside_jax = oracle.tests(__file__, ROWS)

``check`` compares values, dtypes, shapes, gradients, second gradients (``second=True``), the name
of the graph's node, the in-place method and ``out=``, interpreted and compiled, and the result
dtypes for other input dtypes. Where torch is not installed the expectations come from
``tests/reference/<file>.json``, which ``python tests/reference/make.py`` writes.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import ml_dtypes
import numpy as np
import pytest
from flax import nnx

import jaxtorch
from jaxtorch.engine import Policy
from tests import stored

try:
    import torch
except ImportError:
    torch = None

REFERENCE = Path(__file__).parent / "reference"
# Every dtype an op is asked about; what it refuses, it must refuse with torch's exception.
DTYPES = "bool uint8 int32 int64 float16 bfloat16 float64 complex64"
LIMITS = {  # (relative, absolute) difference allowed, by dtype of the result
    "float16": (2e-3, 1e-3), "bfloat16": (1.6e-2, 8e-3), "float32": (4e-6, 1e-6),
    "float64": (1e-11, 1e-12), "complex64": (1e-5, 1e-6), "complex128": (1e-11, 1e-12),
}  # fmt: skip


# --- arguments ----------------------------------------------------------------------------------


class Spec:
    """A tensor argument: how to make it, equally for both sides."""

    def __init__(self, text: str, make, grad: bool):
        self.text = text
        self.make = make  # position -> NumPy array
        self.grad = grad

    def __repr__(self) -> str:
        return self.text

    def array(self, position: int, dtype: str | None = None) -> np.ndarray:
        array = self.make(position)
        return array if dtype is None else cast(array, dtype)


def F(*shape: int, low=None, high=None, dtype="float32", grad=True) -> Spec:
    """Floats: normal, or uniform in [low, high]."""

    def make(position):
        draw = np.random.RandomState(position)
        x = draw.randn(*shape) if low is None else draw.uniform(low, high, shape)
        if np.dtype(numpy_dtype(dtype)).kind == "c":
            x = x + 1j * draw.randn(*shape)
        return np.asarray(x).astype(numpy_dtype(dtype))

    text = ", ".join(map(str, shape))
    text += "" if low is None else f", low={low}, high={high}"
    text += "" if dtype == "float32" else f", dtype={dtype}"
    return Spec(f"F({text}{'' if grad else ', grad=False'})", make, grad)


def I(*shape: int, low=-4, high=5, dtype="int64") -> Spec:  # noqa: E743
    """Integers in [low, high)."""

    def make(position):
        return np.random.RandomState(position).randint(low, high, shape).astype(dtype)

    text = ", ".join(map(str, shape))
    return Spec(f"I({text}, {low}, {high}{'' if dtype == 'int64' else f', {dtype}'})", make, False)


def B(*shape: int) -> Spec:
    """Truth values."""

    def make(position):
        return np.random.RandomState(position).rand(*shape) < 0.5

    return Spec(f"B({', '.join(map(str, shape))})", make, False)


def V(data, dtype: str | None = None, grad=True) -> Spec:
    """These very values."""
    array = np.asarray(data)
    if dtype is not None:
        array = array.astype(numpy_dtype(dtype))
    elif array.dtype == np.float64:
        array = array.astype(np.float32)
    floating = array.dtype.kind in "fc" or array.dtype == ml_dtypes.bfloat16
    text = " ".join(str(array.tolist()).split())
    text += f", {array.dtype}" if dtype else ""
    return Spec(f"V({text}{'' if grad else ', grad=False'})", lambda _: array, grad and floating)


def numpy_dtype(name: str):
    return ml_dtypes.bfloat16 if name == "bfloat16" else np.dtype(name)


def cast(array: np.ndarray, dtype: str) -> np.ndarray:
    kind = np.dtype(numpy_dtype(dtype)).kind
    if kind in "biu" and array.dtype.kind in "fc":
        array = np.abs(np.round(array.real))
    return array.astype(numpy_dtype(dtype))


@dataclass
class Row:
    """A case: an op's torch path, its arguments, and what to look at."""

    name: str
    args: tuple
    kwargs: dict
    second: bool = False  # compare second gradients too
    grad: bool = True
    node: bool = True  # compare the name of grad_fn
    trace: bool = True  # may be called inside a bare jax.jit
    inplace: bool = True
    out: bool = True
    dtypes: str = ""  # other dtypes of the tensors to compare the result dtype for
    limits: tuple | None = None  # (relative, absolute)
    unsigned: bool = False  # vectors that are determined up to their sign: compare magnitudes
    error: type | None = None
    text: str = ""

    def __str__(self) -> str:
        shown = [repr(a) for a in self.args] + [f"{k}={v!r}" for k, v in self.kwargs.items()]
        return f"{self.name}({', '.join(shown)})"

    def specs(self) -> list[Spec]:
        return [a for a in leaves((self.args, self.kwargs)) if isinstance(a, Spec)]


def row(name: str, *args, **options) -> Row:
    """A case that works. Options of Row are taken out; the rest are the op's keyword arguments."""
    own = {k: options.pop(k) for k in list(options) if k in _OWN}
    return Row(name, args, options, **own)


def raises(name: str, *args, error: type, text: str = "", **kwargs) -> Row:
    """A case that must raise ``error`` with ``text`` in its message, here as in torch."""
    return Row(name, args, kwargs, error=error, text=text)


_OWN = {
    "second", "grad", "node", "trace", "inplace", "out", "dtypes", "limits", "unsigned",
}  # fmt: skip


def leaves(tree):
    if isinstance(tree, (list, tuple)):
        for branch in tree:
            yield from leaves(branch)
    elif isinstance(tree, dict):
        yield from leaves(list(tree.values()))
    else:
        yield tree


def fill(tree, arrays):
    """``tree`` with the next of ``arrays`` (an iterator) in place of each Spec."""
    if isinstance(tree, Spec):
        return next(arrays)
    if isinstance(tree, (list, tuple)):
        return type(tree)([fill(branch, arrays) for branch in tree])
    if isinstance(tree, dict):
        return {key: fill(branch, arrays) for key, branch in tree.items()}
    return tree


# --- the two sides ------------------------------------------------------------------------------


class Side:
    """A library to ask: torch or jaxtorch. The methods are what the two spell differently."""

    def __init__(self, library):
        self.library = library

    def find(self, name: str):
        return functools.reduce(getattr, name.split("."), self.library)

    def has(self, name: str) -> bool:
        try:
            self.find(name)
        except AttributeError:
            return False
        return True

    def dtype(self, name: str):
        return getattr(self.library, name)

    def tensor(self, array: np.ndarray, grad=False):
        x = self._tensor(array)
        return x.requires_grad_() if grad else x

    def _tensor(self, array):
        if array.dtype == ml_dtypes.bfloat16:
            wide = self.library.from_numpy(array.astype(np.float32))
            return wide.to(self.library.bfloat16)
        return self.library.from_numpy(np.array(array, order="C"))

    def static(self, tree):
        """Dtypes are written by name: ``dtype="float64"``."""
        if isinstance(tree, dict):
            return {
                k: self.dtype(v) if k in ("dtype", "input_dtype") and isinstance(v, str) else v
                for k, v in tree.items()
            }
        return tree

    def call(self, row: Row, tensors, name=None, **more):
        given = iter(tensors)
        args = fill(row.args, given)
        kwargs = self.static(fill(row.kwargs, given))
        return self.find(name or row.name)(*args, **kwargs, **more)

    def read(self, x):
        """A result as (dtype name, array); what is no tensor as ("python", value)."""
        if not isinstance(x, self.library.Tensor):
            return ("python", x)
        x = x.detach()
        name = str(x.dtype).removeprefix("torch.")
        x = x.to(self.library.float32) if name == "bfloat16" else x
        return (name, np.array(x.numpy(force=True)))

    def gradients(self, outs, inputs, start: int, second=False):
        """Gradients of a sum of the outputs weighted at random, in respect of the inputs."""
        chosen, weights = [], []
        for i, x in enumerate(outs):
            if isinstance(x, self.library.Tensor) and x.requires_grad:
                chosen.append(x)
                kind = str(x.dtype).removeprefix("torch.")
                weights.append(self.tensor(weight_for(tuple(x.shape), kind, start + i)))
        if not chosen or not inputs:
            return [None] * len(inputs)
        return self.library.autograd.grad(
            chosen, inputs, weights, allow_unused=True, create_graph=second
        )


def weight_for(shape, dtype: str, position: int) -> np.ndarray:
    draw = np.random.RandomState(100 + position)
    x = draw.uniform(0.5, 1.5, shape)
    if dtype.startswith("complex"):
        x = x + 1j * draw.uniform(0.5, 1.5, shape)
    return np.asarray(x).astype(numpy_dtype(dtype))


def observe(side: Side, row: Row, parts: set[str]) -> dict[str, Any]:
    """What a library does with a row. ``parts`` names what to look at beyond the values."""
    seen: dict[str, Any] = {}
    tensors = [
        side.tensor(s.array(i), s.grad and row.grad) for i, s in enumerate(row.specs())
    ]  # fmt: skip
    outs = flat(side.call(row, tensors))
    seen["values"] = [side.read(x) for x in outs]
    if row.unsigned:
        seen["values"] = [(kind, np.abs(x)) for kind, x in seen["values"]]
    if "node" in parts and row.node:
        seen["node"] = [
            x.grad_fn.name() if isinstance(x, side.library.Tensor) and x.grad_fn else None
            for x in outs
        ]
    inputs = [t for t in tensors if t.requires_grad]
    if "grads" in parts and row.grad:
        grads = side.gradients(outs, inputs, 0, row.second)
        seen["grads"] = [None if g is None else side.read(g) for g in grads]
        if row.second:
            again = side.gradients(grads, inputs, 50)
            seen["second"] = [None if g is None else side.read(g) for g in again]
    return seen


def observe_variants(side: Side, row: Row, wanted: dict | None) -> dict[str, Any]:
    """The in-place method and ``out=``; ``wanted`` (torch's answers) says which there are."""
    seen: dict[str, Any] = {}
    tensors = [side.tensor(s.array(i)) for i, s in enumerate(row.specs())]
    method = f"Tensor.{row.name}_"
    here = "inplace" in wanted if wanted is not None else side.has(method)
    if row.inplace and here and isinstance(row.args[0], Spec):

        def write():
            mine = [tensors[0].clone(), *tensors[1:]]
            returned = side.call(row, mine, method)
            assert returned is mine[0]
            return side.read(mine[0])

        seen["inplace"] = attempt(write)
    if row.out and not row.unsigned and (wanted is None or "out" in wanted):
        plain = side.call(row, tensors)

        def give():
            target = [side.library.zeros_like(x) for x in flat(plain)]
            out = tuple(target) if isinstance(plain, tuple) else target[0]
            side.call(row, tensors, out=out)
            return [side.read(x) for x in target]

        found = attempt(give)
        # torch has no out= where it does not know the argument: then there is nothing to compare
        if wanted is not None or not isinstance(found, str):
            seen["out"] = found
    return seen


def observe_dtypes(side: Side, row: Row) -> dict[str, Any]:
    """Result dtypes for other dtypes of the tensor arguments, or the exception."""
    found = {}
    for dtype in row.dtypes.split():
        tensors = [side.tensor(s.array(i, dtype)) for i, s in enumerate(row.specs())]

        def kinds(tensors=tensors):
            outs = flat(side.call(row, tensors))
            return [str(x.dtype) if hasattr(x, "dtype") else "python" for x in outs]

        found[dtype] = attempt(kinds)
    return found


def attempt(action):
    """What ``action`` returns, or the name of the exception it raises."""
    try:
        return action()
    except Exception as e:
        return type(e).__name__


def flat(result) -> list:
    """The results in a row, those of a tuple among them too (``histogramdd`` has one)."""
    if not isinstance(result, (tuple, list)):
        return [result]
    return [y for x in result for y in (flat(x) if isinstance(x, tuple) else [x])]


# --- comparing ----------------------------------------------------------------------------------


def agree(where: str, mine, theirs, limits=None) -> None:
    """Fail unless a result is torch's: dtype, shape and values. No gradient is as good as zeros."""
    for one, other in ((mine, theirs), (theirs, mine)):
        if one is None and isinstance(other, tuple) and not np.any(other[1]):
            return
    if theirs is None or isinstance(theirs, str) or mine is None or isinstance(mine, str):
        assert mine == theirs, f"{where}: {mine} instead of torch's {theirs}"
        return
    (kind, value), (their_kind, expected) = mine, theirs
    assert kind == their_kind, f"{where}: dtype {kind} instead of torch's {their_kind}"
    if kind == "python":
        assert value == expected, f"{where}: {value} instead of torch's {expected}"
        return
    assert value.shape == expected.shape, (
        f"{where}: shape {value.shape} instead of torch's {expected.shape}"
    )
    relative, absolute = limits or LIMITS.get(kind, (0, 0))
    np.testing.assert_allclose(
        value, expected, relative, absolute, equal_nan=True, err_msg=where, verbose=True
    )


def agree_all(where: str, mine, theirs, limits=None) -> None:
    if isinstance(theirs, str) or isinstance(mine, str):
        assert mine == theirs, f"{where}: {mine} instead of torch's {theirs}"
        return
    assert len(mine) == len(theirs), f"{where}: {len(mine)} results instead of {len(theirs)}"
    for i, (a, b) in enumerate(zip(mine, theirs, strict=True)):
        agree(f"{where} {i}", a, b, limits)


@contextlib.contextmanager
def evaluated(how: str):
    before, Policy.force = Policy.force, how
    try:
        yield
    finally:
        Policy.force = before


@contextlib.contextmanager
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def expect(row: Row) -> dict[str, Any]:
    """What torch does with a row."""
    side = Side(torch)
    with no_warnings():
        seen = observe(side, row, {"node", "grads"})
        seen |= observe_variants(side, row, None)
        seen["dtypes"] = observe_dtypes(side, row)
    return seen


def check(row: Row, file: str) -> None:
    """Compare one row with torch, or with what torch gave."""
    side = Side(jaxtorch)
    if row.error is not None:
        check_error(side, row)
        return
    expected = expect(row) if torch is not None else stored.load(REFERENCE, file)[str(row)]
    with no_warnings():
        for how in ("interpret", "compile"):
            with evaluated(how):
                seen = observe(side, row, {"node", "grads"})
            for part in ("values", "grads", "second"):
                if part in expected:
                    agree_all(f"{part} ({how}ed)", seen[part], expected[part], row.limits)
        if "node" in expected:
            assert seen["node"] == expected["node"], (
                f"grad_fn {seen['node']} instead of torch's {expected['node']}"
            )
        with evaluated("interpret"):
            variants = observe_variants(side, row, expected)
        if "inplace" in expected:
            agree("in-place", variants["inplace"], expected["inplace"], row.limits)
        if "out" in expected:
            agree_all("out=", variants["out"], expected["out"], row.limits)
        kinds = observe_dtypes(side, row)
    wrong = {k: (v, expected["dtypes"][k]) for k, v in kinds.items() if v != expected["dtypes"][k]}
    assert not wrong, f"for dtypes, this result instead of torch's: {wrong}"


def check_error(side: Side, row: Row) -> None:
    def provoke(side):
        tensors = [side.tensor(s.array(i)) for i, s in enumerate(row.specs())]
        with no_warnings(), pytest.raises(row.error) as caught:
            [side.read(x) for x in flat(side.call(row, tensors))]
        return str(caught.value)

    assert row.text in provoke(side)
    if torch is not None:
        assert row.text in provoke(Side(torch)), "torch says it differently"


# --- inside JAX's own transformations, 64-bit types off -----------------------------------------


def check_inside_jax(rows: list[Row], file: str) -> None:
    """Each op's first two rows in one bare ``jax.jit``, ``jax.grad`` and ``nnx.jit``, 64-bit types
    off; all ops in one program, which compiles faster than many."""
    rows = [r for r in rows if r.trace and r.error is None and _is_narrow(r)]
    rows = [r for i, r in enumerate(rows) if [q.name for q in rows[:i]].count(r.name) < 2]
    inputs = [[_narrow(s.array(i)) for i, s in enumerate(r.specs())] for r in rows]
    expected = {str(r): (expect(r) if torch else stored.load(REFERENCE, file)[str(r)])
                for r in rows}  # fmt: skip
    failures: dict[str, str] = {}

    def run(inputs):
        outs = []
        for r, arrays in zip(rows, inputs, strict=True):
            try:
                tensors = [jaxtorch.Tensor(a) for a in arrays]
                found = flat(Side(jaxtorch).call(r, tensors))
                outs.append([x.jax() for x in found if isinstance(x, jaxtorch.Tensor)])
            except Exception as e:
                failures[str(r)] = f"{type(e).__name__}: {e}"
                outs.append([])
        return outs

    def total(floats, rest):
        inputs = [
            [f if f is not None else o for f, o in zip(fs, os, strict=True)]
            for fs, os in zip(floats, rest, strict=True)
        ]
        result = 0.0
        for r, outs in zip(rows, run(inputs), strict=True):
            kinds = [k for k in expected[str(r)]["values"] if k[0] != "python"]
            chosen = [
                x for x, (kind, _) in zip(outs, kinds, strict=len(outs) > 0)
                if kind in ("float32", "complex64") and x.dtype == kind
            ]  # fmt: skip
            for i, x in enumerate(chosen):
                weight = weight_for(x.shape, str(x.dtype), i).conj()
                result = result + (x * weight).sum().real
        return result

    with no_warnings(), jax.enable_x64(False):
        for transform in (jax.jit, nnx.jit):
            outs = transform(run)(inputs)
            assert not failures, failures
            for r, found in zip(rows, outs, strict=True):
                theirs = [v for v in expected[str(r)]["values"] if v[0] != "python"]
                for i, (x, (_, y)) in enumerate(zip(found, theirs, strict=True)):
                    limits = r.limits or LIMITS.get(str(x.dtype), (0, 0))
                    x = np.abs(x) if r.unsigned else np.asarray(x)
                    np.testing.assert_allclose(
                        x, y, *limits, equal_nan=True, err_msg=f"{r} output {i}"
                    )
        floats = [
            [a if s.grad and r.grad else None for a, s in zip(arrays, r.specs(), strict=True)]
            for r, arrays in zip(rows, inputs, strict=True)
        ]
        grads = jax.jit(jax.grad(total))(floats, inputs)
        assert not failures, failures
    for r, found in zip(rows, grads, strict=True):
        if not r.grad:
            continue
        mine = [np.asarray(g) for g in found if g is not None]
        for i, (g, theirs) in enumerate(zip(mine, expected[str(r)]["grads"], strict=True)):
            y = np.zeros_like(g) if theirs is None else theirs[1]
            limits = r.limits or LIMITS["float32"]
            np.testing.assert_allclose(g, y, *limits, equal_nan=True, err_msg=f"{r} gradient {i}")


def _is_narrow(r: Row) -> bool:
    kinds = {str(s.array(0).dtype) for s in r.specs()}
    return kinds <= {"float32", "int32", "int64", "bool", "uint8"} and not any(
        isinstance(v, str) and v in ("float64", "complex128") for v in leaves((r.args, r.kwargs))
    )


def _narrow(array: np.ndarray) -> np.ndarray:
    return array.astype(np.int32) if array.dtype == np.int64 else array


# --- the tests of a file ------------------------------------------------------------------------


def tests(file: str, rows: list[Row]):
    """(one test a row, one test of all rows inside JAX's transformations) for a file's table."""
    name = Path(file).stem
    names = [str(r) for r in rows]
    twice = {n for n in names if names.count(n) > 1}
    assert not twice, f"rows given twice: {twice}"

    @pytest.mark.parametrize("row", rows, ids=str)
    def test_row(row):
        check(row, name)

    def test_inside_jax():
        check_inside_jax(rows, name)

    return test_row, test_inside_jax
