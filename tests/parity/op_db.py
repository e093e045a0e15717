"""PyTorch's own operator database, asked of both libraries.

``compare(info, limit)`` runs one entry of ``op_db``: forward values, dtypes and shapes over the
dtypes that the entry names, first and second gradients, the in-place method, ``out=`` and the
entry's error inputs. It gives what differs, by aspect. As a script it measures many entries::

    python -m tests.parity.op_db [--ops add,nn.functional.*] [--limit 20] [--part 1/2]
"""

from __future__ import annotations

import argparse
import fnmatch
import functools
import itertools
import re
import sys
import types
import warnings
from collections import defaultdict

import numpy as np
import torch
from torch.testing._internal import common_device_type
from torch.testing._internal.common_methods_invocations import op_db

import jaxtorch
from tests.parity.translating import numpy_of, rebuilt, tensor_of, translated

ASPECTS = ("forward", "dtype", "gradient", "second", "inplace", "out", "errors", "texts")
# Results that no seed decides: only their shape and dtype are compared.
UNDETERMINED = {
    "empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided",
    "nn.functional.dropout", "nn.functional.dropout2d", "nn.functional.dropout3d",
    "nn.functional.alpha_dropout", "nn.functional.feature_alpha_dropout", "resize_", "resize_as_",
    "nn.functional.rrelu",
}  # fmt: skip
# Of equal elements torch's sorts may give any one's index: what lies there is compared instead.
# The position of `dim` among the arguments after the first.
TIES = {
    "sort": 0, "argsort": 0, "topk": 1, "kthvalue": 1, "median": 0, "nanmedian": 0, "mode": 0,
}  # fmt: skip
# Vectors that are unique up to a sign or a phase: magnitudes are compared, and their gradients.
UNSIGNED = {"linalg.eig", "linalg.eigh", "linalg.svd", "pca_lowrank", "svd", "svd_lowrank"}
# torch's assert_close: (relative, absolute) by dtype of the result
CLOSE = {
    "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7), "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7),
}  # fmt: skip


# --- what is compared ---------------------------------------------------------------------------


def undetermined(info, sample) -> bool:
    if info.name in UNDETERMINED:
        return True
    dropout = sample.kwargs.get("dropout_p", 0.0)
    if info.name == "nn.functional.multi_head_attention_forward":
        dropout = sample.args[9] * sample.kwargs.get("training", True)
    return dropout > 0


def lookup(path: str):
    return functools.reduce(getattr, path.split("."), jaxtorch)


def counterpart(info):
    """Our function for an entry, or None."""
    function = info.op
    if isinstance(function, types.FunctionType):
        if function.__module__.startswith("torch.testing"):
            return rebuilt(function)
    path = f"{getattr(function, '__module__', '') or ''}.{getattr(function, '__qualname__', '')}"
    own = getattr(function, "__name__", "")
    packet = f"ops.aten.{info.name}"
    for name in (info.name, f"Tensor.{info.name}", path.removeprefix("torch."), own, packet):
        try:
            found = lookup(name)
        except (AttributeError, ImportError, NotImplementedError):
            continue
        if callable(found):  # torch.cdouble is a dtype, Tensor.cdouble the method
            return found
    return None


# --- comparing ----------------------------------------------------------------------------------


def leaves(result) -> list:
    if isinstance(result, torch.Tensor | jaxtorch.Tensor):
        return [result]
    if isinstance(result, dict):
        return [x for part in result.values() for x in leaves(part)]
    if isinstance(result, list | tuple) and not isinstance(result, torch.Size | jaxtorch.Size):
        return [x for part in result for x in leaves(part)]
    return [result]


class Difference(AssertionError):
    """What differs, and in which aspect."""


def kind_of(t) -> str:
    return str(t.dtype).removeprefix("torch.")


def close(mine, theirs, limits: dict, values=True, what="") -> None:
    mine, theirs = leaves(mine), leaves(theirs)
    if len(mine) != len(theirs):
        raise Difference(f"{what}{len(mine)} results, torch's {len(theirs)}")
    for m, t in zip(mine, theirs, strict=True):
        if not isinstance(t, torch.Tensor):
            if isinstance(t, torch.dtype | torch.layout | torch.device):
                m, t = str(m), str(t)
            if not (m == t or (m != m and t != t)) and values:
                raise Difference(f"{what}{m!r}, torch's {t!r}")
            continue
        if not isinstance(m, jaxtorch.Tensor):
            raise Difference(f"{what}{type(m)}, torch's a tensor")
        if tuple(m.shape) != tuple(t.shape):
            raise Difference(f"{what}shape {tuple(m.shape)}, torch's {tuple(t.shape)}")
        if not values:
            continue
        kind = kind_of(t)
        if kind == "bfloat16":
            m, t = m.float(), t.float()
        a, b = np.asarray(m.detach().numpy(force=True)), numpy_of(t)
        relative, absolute = limits.get(kind, (0, 0))
        if not np.allclose(a, b, relative, absolute, equal_nan=True):
            with np.errstate(all="ignore"):
                worst = np.nanmax(np.abs(np.subtract(a, b, dtype=np.result_type(a, b, "f8"))))
            raise Difference(f"{what}{kind} {tuple(t.shape)} differs by up to {worst:.3g}")


HALVES = (torch.float16, torch.bfloat16)


def in_doubles(value):
    """``value`` with its half types as float64."""
    if isinstance(value, torch.Tensor):
        return value.double() if value.dtype in HALVES else value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(in_doubles, value))
    if isinstance(value, list | tuple) and not isinstance(value, torch.Size):
        return type(value)(map(in_doubles, value))
    if isinstance(value, dict):
        return {k: in_doubles(v) for k, v in value.items()}
    return value


def limits_of(info) -> dict:
    """The database's own tolerances: its defaults and what the entry overrides."""
    limits = dict(CLOSE)
    for decorator in info.decorators:
        for inner in getattr(decorator, "decorators", [decorator]):
            if isinstance(inner, common_device_type.toleranceOverride):
                for dtype, tol in inner.d.items():
                    kind = str(dtype).removeprefix("torch.")
                    before = limits.get(kind, (0, 0))
                    limits[kind] = (max(tol.rtol, before[0]), max(tol.atol, before[1]))
            elif isinstance(inner, common_device_type.precisionOverride):
                for dtype, atol in inner.d.items():
                    kind = str(dtype).removeprefix("torch.")
                    before = limits.get(kind, (0, 0))
                    limits[kind] = (before[0], max(atol, before[1]))
    return limits


def weight_for(x, i: int, library):
    """The cotangent of the i-th result."""
    draw = np.random.RandomState(100 + i).uniform(0.5, 1.5, (2, *x.shape))
    kind = kind_of(x)
    w = draw[0] + 1j * draw[1] if kind.startswith("complex") else draw[0]
    return library.from_numpy(np.asarray(w, kind))


def gradients(library, outs, inputs, create_graph):
    # numbered before they are chosen: of a gradient that depends on no input, ours says that it
    # requires one and torch's does not
    chosen = {
        i: x for i, x in enumerate(leaves(outs))
        if isinstance(x, library.Tensor) and x.requires_grad
    }  # fmt: skip
    if not chosen or not inputs:
        return []
    weights = [weight_for(x, i, library) for i, x in chosen.items()]
    return library.autograd.grad(
        list(chosen.values()), inputs, weights, create_graph=create_graph, allow_unused=True
    )


def close_gradients(mine, theirs, limits, what) -> None:
    for i, (m, t) in enumerate(itertools.zip_longest(mine, theirs)):
        if t is None and (m is None or not np.any(m.detach().numpy(force=True))):
            continue
        if m is None and not np.any(numpy_of(t)):
            continue
        if m is None or t is None:
            raise Difference(f"{what} {i} is {m}, torch's {t}")
        close(m.detach(), t, limits, what=f"{what} {i}: ")


def differentiable(library, sample_args) -> list:
    found = []
    for x in leaves(sample_args):
        if isinstance(x, library.Tensor) and x.requires_grad and all(x is not y for y in found):
            found.append(x)
    return found


class Comparison:
    """One entry of the database, run on both sides."""

    def __init__(self, info, function, limit: int):
        self.info = info
        self.function = function
        self.limit = limit
        self.limits = limits_of(info)
        self.found: dict[str, str] = {}  # aspect -> what differs first
        self.ran: set[str] = set()
        self.first_out = True  # of a dtype: the sample that other out= are asked of
        self.nearer = False  # is it right only by the exact answer, where torch rounds?

    def note(self, aspect: str, what: str) -> None:
        self.found.setdefault(aspect, re.sub(r"\s+", " ", what)[:300])

    def samples(self, dtype, requires_grad=False):
        torch.manual_seed(0)
        np.random.seed(0)
        made = self.info.sample_inputs("cpu", dtype, requires_grad=requires_grad)
        return list(itertools.islice(made, self.limit))

    def attempt(self, aspect: str, sample, action) -> bool:
        """Run, and note what goes wrong; did it go right?"""
        try:
            action()
            return True
        except Difference as e:
            self.note(aspect, f"{e} for {describe(sample)}")
        except Exception as e:
            self.note(aspect, f"{type(e).__name__}: {e} for {describe(sample)}")
        return False

    def run(self, dtypes) -> None:
        for dtype in dtypes:
            self.forward(dtype)
        if self.info.supports_autograd and torch.float64 in self.info.dtypes:
            self.gradient(torch.float64)
        self.errors()

    def forward(self, dtype) -> None:
        self.first_out = True
        for sample in self.samples(dtype):
            try:
                torch.manual_seed(0)
                expected = self.info.op(sample.input, *sample.args, **sample.kwargs)
            except Exception:
                continue  # torch itself cannot
            if any(isinstance(x, torch.Tensor) and x.dtype is torch.complex32
                   for x in leaves(expected)):  # fmt: skip
                continue  # which JAX has not
            if any(isinstance(x, torch.Tensor) and x.layout != torch.strided
                   for x in leaves(expected)):  # fmt: skip
                continue
            self.ran |= {"forward", "dtype"}
            fine = self.attempt("forward", sample, lambda s=sample, e=expected: self.one(s, e))
            if fine:
                self.variants(sample, expected)

    def mine(self, sample):
        return translated((sample.input, sample.args, sample.kwargs), {})

    def one(self, sample, expected) -> None:
        first, args, kwargs = self.mine(sample)
        jaxtorch.manual_seed(0)
        found = self.function(first, *args, **kwargs)
        for m, t in zip(leaves(found), leaves(expected), strict=False):
            if isinstance(t, torch.Tensor) and isinstance(m, jaxtorch.Tensor):
                if kind_of(m) != kind_of(t):
                    self.note("dtype", f"{kind_of(m)}, torch's {kind_of(t)} {describe(sample)}")
                    return
        self.agree(found, expected, sample)

    def agree(self, mine, theirs, sample) -> None:
        if self.info.name in TIES and "stable" not in sample.kwargs:
            mine, theirs = (self.at_places(leaves(x), sample) for x in (mine, theirs))
        mine, theirs = self.unsigned(mine), self.unsigned(theirs)
        try:
            close(mine, theirs, self.limits, not undetermined(self.info, sample))
        except Difference:
            if not any(isinstance(x, torch.Tensor) and x.dtype in HALVES for x in leaves(theirs)):
                raise
            try:
                exact = self.exact(sample, theirs)
            except Exception:
                exact = None  # torch has no such kernel of doubles
            if exact is None:
                raise
            close(mine, exact, self.limits)
            self.nearer = True

    def exact(self, sample, theirs):
        """What torch answers in doubles, rounded once to the half types of its own answer.

        torch's kernels of half types round on the way, some only in the elements that fill no
        vector: add(alpha=) of 25 is up to 2 of their last digits off the sum rounded once, a
        transposed convolution 8. Who is as near as the database asks to the exact one is right.
        """
        first, args, kwargs = in_doubles([sample.input, sample.args, sample.kwargs])
        torch.manual_seed(0)
        outs = leaves(self.unsigned(self.info.op(first, *args, **kwargs)))
        return [
            x.to(t.dtype) if isinstance(t, torch.Tensor) and t.dtype in HALVES else x
            for x, t in zip(outs, leaves(theirs), strict=True)
        ]

    def unsigned(self, outs):
        return [x.abs() for x in leaves(outs)] if self.info.name in UNSIGNED else outs

    def at_places(self, results: list, sample) -> list:
        """The results with the element there in place of each index."""
        *values, index = results
        if not sample.input.ndim:
            return results
        if kind_of(index) != "int64" or (not values and self.info.name != "argsort"):
            return results
        dim = sample.kwargs.get("dim", (*sample.args, -1, -1)[TIES[self.info.name]])
        at = torch.from_numpy(np.array(index.numpy()))
        gone = at.ndim < sample.input.ndim
        there = torch.take_along_dim(sample.input, at.unsqueeze(dim) if gone else at, dim)
        there = there.squeeze(dim) if gone else there
        return [*values, there if isinstance(index, torch.Tensor) else tensor_of(there)]

    def variants(self, sample, expected) -> None:
        info = self.info
        method = getattr(info.inplace_variant, "__name__", "")
        if info.inplace_variant is not None and method.endswith("_"):
            self.inplace(sample, method)
        if info.supports_out and not undetermined(info, sample):
            self.out(sample, expected)

    def inplace(self, sample, method: str) -> None:
        try:
            target = sample.input.clone()
            torch.manual_seed(0)
            expected = self.info.inplace_variant(target, *sample.args, **sample.kwargs)
        except Exception:
            return  # cast or shape that torch cannot write either
        self.ran.add("inplace")

        def write():
            first, args, kwargs = self.mine(sample)
            first = first.clone()
            jaxtorch.manual_seed(0)
            written = getattr(jaxtorch.Tensor, method)(first, *args, **kwargs)
            if written is not first:
                raise Difference("does not return its first argument")
            self.agree(first, expected, sample)

        self.attempt("inplace", sample, write)

    def out(self, sample, expected) -> None:
        outs = [x for x in leaves(expected) if isinstance(x, torch.Tensor)]
        single = isinstance(expected, torch.Tensor)
        try:
            given = [torch.empty_like(x) for x in outs]
            wanted = given[0] if single else type(expected)(given)
            self.info.op(
                sample.input, *sample.args, **sample.kwargs, out=given[0] if single else given
            )
        except Exception:
            return
        self.ran.add("out")

        def give():
            first, args, kwargs = self.mine(sample)
            targets = [jaxtorch.zeros_like(tensor_of(x)) for x in outs]
            jaxtorch.manual_seed(0)
            self.function(first, *args, **kwargs, out=targets[0] if single else tuple(targets))
            self.agree(targets, list(wanted) if not single else [wanted], sample)

        if self.attempt("out", sample, give) and single and self.first_out:
            self.first_out = False
            for dtype in (torch.float32, torch.int64, torch.complex128):
                self.out_of(sample, expected, dtype)

    def out_of(self, sample, expected, dtype) -> None:
        """``out=`` of no elements and another dtype: it is resized, cast to, or refused."""
        first, args, kwargs = self.mine(sample)
        target = jaxtorch.zeros(0, dtype=getattr(jaxtorch, str(dtype).removeprefix("torch.")))
        wanted, error = torch.empty(0, dtype=dtype), None
        try:
            self.info.op(sample.input, *sample.args, **sample.kwargs, out=wanted)
        except Exception as e:
            error = e

        def give():
            try:
                self.function(first, *args, **kwargs, out=target)
            except Exception as e:
                if not isinstance(e, type(error)):
                    raise
                return
            if error is not None:
                raise Difference(f"no error for {dtype} as out, torch's {error}")
            # computed in the dtype of the arguments, wherever it is written to
            narrow = [self.limits.get(kind_of(x), (0, 0)) for x in leaves(expected)]
            limits = dict.fromkeys(self.limits, max(narrow, default=(0, 0)))
            close(self.unsigned(target), self.unsigned(wanted), limits)

        self.attempt("out", sample, give)

    def gradient(self, dtype) -> None:
        info = self.info
        for sample in self.samples(dtype, requires_grad=True):
            second = info.supports_gradgrad
            inputs = differentiable(torch, [sample.input, sample.args, sample.kwargs])
            try:
                torch.manual_seed(0)
                outs = info.op(sample.input, *sample.args, **sample.kwargs)
                outs = self.unsigned(sample.output_process_fn_grad(outs))
                expected = gradients(torch, outs, inputs, second)
                again = gradients(torch, expected, inputs, False) if second else []
            except Exception:
                continue
            if not expected or undetermined(info, sample):
                continue
            self.ran |= {"gradient", "second"} if second else {"gradient"}
            self.attempt(
                "gradient", sample,
                lambda s=sample, e=expected, a=again: self.one_gradient(s, e, a),
            )  # fmt: skip

    def one_gradient(self, sample, expected, again) -> None:
        first, args, kwargs = self.mine(sample)
        inputs = differentiable(jaxtorch, [first, args, kwargs])
        jaxtorch.manual_seed(0)
        outs = self.function(first, *args, **kwargs)
        process = sample.output_process_fn_grad
        if isinstance(process, types.FunctionType):
            outs = rebuilt(process)(outs)
        outs = self.unsigned(outs)
        second = bool(again) or self.info.supports_gradgrad
        found = gradients(jaxtorch, outs, inputs, second)
        close_gradients(found, expected, self.limits, "gradient")
        if again:
            self.attempt(
                "second", sample,
                lambda: close_gradients(
                    gradients(jaxtorch, found, inputs, False), again, self.limits, "second"
                ),
            )  # fmt: skip

    def errors(self) -> None:
        if self.info.error_inputs_func is None:
            return
        torch.manual_seed(0)
        for error in itertools.islice(self.info.error_inputs("cpu"), 4 * self.limit):
            sample = error.sample_input
            try:
                self.info.op(sample.input, *sample.args, **sample.kwargs)
                continue
            except Exception as e:
                theirs = e
            try:
                first, args, kwargs = self.mine(sample)
            except Exception:
                continue  # arguments that only torch can have (sparse, meta)
            self.ran.add("errors")
            torchs = f"torch's {type(theirs).__name__}: {theirs} for {describe(sample)}"
            try:
                outs = self.function(first, *args, **kwargs)
                [x.tolist() for x in leaves(outs) if isinstance(x, jaxtorch.Tensor)]
                self.note("errors", f"no error; {torchs}")
            except Exception as e:
                if not isinstance(e, error.error_type):
                    self.note("errors", f"{type(e).__name__}: {e}; {torchs}")
                    continue
                self.ran.add("texts")
                if not re.search(error.error_regex, str(e)):
                    self.note("texts", f"{type(e).__name__}: {e}; {torchs}")


def describe(sample) -> str:
    def brief(x):
        if isinstance(x, torch.Tensor):
            return f"{kind_of(x)}{list(x.shape)}"
        if isinstance(x, list | tuple):
            return f"[{', '.join(map(brief, x))}]"
        return repr(x)

    parts = [brief(sample.input), *map(brief, sample.args)]
    return f"({', '.join(parts + [f'{k}={brief(v)}' for k, v in sample.kwargs.items()])})"


DTYPES = (torch.float32, torch.float64, torch.int64, torch.bool, torch.complex64, torch.uint8,
          torch.bfloat16, torch.float16, torch.int32)  # fmt: skip


def compare(info, limit: int, dtypes=DTYPES) -> tuple[dict[str, str], set[str]] | None:
    """What differs by aspect, and the aspects that were looked at; None without a counterpart."""
    function = counterpart(info)
    if function is None:
        return None
    comparison = Comparison(info, function, limit)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        comparison.run([d for d in dtypes if d in info.dtypes])
    return comparison.found, comparison.ran


def title(info) -> str:
    return f"{info.name}{'.' + info.variant_test_name if info.variant_test_name else ''}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--ops", default="*", help="patterns of names, with commas between")
    parser.add_argument("--limit", type=int, default=1000, help="samples a dtype")
    parser.add_argument("--dtypes", default="", help="names of dtypes, with commas between")
    parser.add_argument("--part", default="1/1", help="k/n: the k-th of n parts of the entries")
    options = parser.parse_args()
    patterns = options.ops.split(",")
    dtypes = [getattr(torch, d) for d in options.dtypes.split(",") if d] or DTYPES
    k, n = map(int, options.part.split("/"))
    chosen = [i for i in op_db if any(fnmatch.fnmatch(i.name, p) for p in patterns)][k - 1 :: n]
    ran, failed = defaultdict(int), defaultdict(int)
    for info in chosen:
        result = compare(info, options.limit, dtypes)
        if result is None:
            print(f"{title(info)}\tmissing", flush=True)
            ran["missing"] += 1
            continue
        found, aspects = result
        for aspect in aspects:
            ran[aspect] += 1
        for aspect, what in found.items():
            failed[aspect] += 1
            print(f"{title(info)}\t{aspect}\t{what}", flush=True)
    for aspect in (*ASPECTS, "missing"):
        print(f"# {aspect}: {ran[aspect] - failed[aspect]} of {ran[aspect]}", file=sys.stderr)


if __name__ == "__main__":
    main()
