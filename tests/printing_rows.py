"""Tensors to print, and the options to print them with: the same for jaxtorch and real PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from jaxtorch import dtypes, printing

NAMES = (
    "float32 float64 float16 bfloat16 int64 int32 int16 uint8 int8 bool complex64 complex128 "
    "uint16 uint32 uint64"
).split()


@dataclass
class Row:
    """``grad``: "" or "requires" or "made" (by clone)."""

    array: np.ndarray
    dtype: str
    grad: str = ""
    default: str = "float32"
    options: dict = field(default_factory=dict)


def rows(seed: int, count: int) -> list[Row]:
    """Random tensors of all dtypes, shapes and scales, with odd values in them."""
    rng = np.random.RandomState(seed)
    with np.errstate(all="ignore"):
        return [_row(rng) for _ in range(count)]


def _chance(rng, p: float) -> bool:
    return rng.rand() < p


def _row(rng) -> Row:
    name = NAMES[rng.randint(len(NAMES))]
    shape = tuple(rng.choice([0, 1, 2, 3, 4, 5, 8, 13], size=rng.randint(5)).tolist())
    if 0 in shape and _chance(rng, 0.7):
        shape = tuple(size or 2 for size in shape)
    if _chance(rng, 0.15):
        shape = (int(rng.choice([50, 999, 1000, 1001, 3000])),)
    elif _chance(rng, 0.1):
        shape = (int(rng.choice([6, 7, 30, 200])), int(rng.choice([5, 6, 7, 60])))
    dtype = dtypes.ALL[name]
    x = np.asarray(_numbers(rng, shape))
    if dtype.is_complex:
        x = _strange(rng, x) + 1j * _strange(rng, np.asarray(_numbers(rng, shape)))
    elif dtype.is_floating_point:
        x = _strange(rng, x)
    elif name == "bool":
        x = x > 0
    else:
        limits = np.iinfo(dtype.numpy)
        x = np.clip(x, max(limits.min, -(2**62)), min(limits.max, 2**62))
    grad = ""
    if dtype.category >= dtypes.FLOAT and _chance(rng, 0.3):
        grad = str(rng.choice(["requires", "made"]))
    default = "float64" if _chance(rng, 0.1) else "float32"
    return Row(np.asarray(x).astype(dtype.numpy), name, grad, default, _options(rng, x.size))


def _numbers(rng, shape):
    x = rng.standard_normal(shape)
    kind = rng.randint(6)
    if kind == 0:
        return x * 10.0 ** rng.randint(-12, 13)
    if kind == 1:
        return np.round(x * 10 ** rng.randint(0, 6))
    if kind == 2:
        return x * 10.0 ** rng.randint(-5, 6, size=shape)
    if kind == 3:
        return np.where(rng.random_sample(shape) < 0.3, 0.0, x) * rng.choice([1, -1, 100])
    if kind == 4:
        return np.round(x * 10) / rng.choice([2, 4, 10])
    return x


def _strange(rng, x):
    if _chance(rng, 0.25):
        odd = rng.choice([np.nan, np.inf, -np.inf, -0.0])
        return np.where(rng.random_sample(x.shape) < 0.2, odd, x)
    return x


def _options(rng, size: int) -> dict:
    if _chance(rng, 0.6):
        return {}
    choices = {
        "profile": "default short full".split() if size < 1000 else ["short"],
        "precision": list(range(9)),
        "threshold": [0, 1, 5, 20, 100],
        "edgeitems": list(range(5)),
        "linewidth": [1, 10, 20, 40, 79, 81, 120, 200],
        "sci_mode": [True, False],
    }
    return {
        name: values[rng.randint(len(values))]
        for name, values in choices.items()
        if _chance(rng, 0.3)
    }


def ours(row: Row) -> str:
    with printing.printoptions(**row.options):
        return printing.tensor_repr(
            row.array,
            dtypes.ALL[row.dtype],
            device="cpu",
            requires_grad=bool(row.grad),
            grad_fn_name="CloneBackward0" if row.grad == "made" else None,
            default_dtype=dtypes.ALL[row.default],
        )


def torchs(torch, row: Row) -> str:
    array, dtype = row.array, getattr(torch, row.dtype)
    if row.dtype == "bfloat16":
        array = array.astype(np.float32)
    t = torch.from_numpy(array.copy()).to(dtype)
    if row.grad:
        t.requires_grad_()
    if row.grad == "made":
        t = t.clone()
    torch.set_printoptions(**row.options)
    torch.set_default_dtype(getattr(torch, row.default))
    try:
        return repr(t)
    finally:
        torch.set_printoptions(profile="default")
        torch.set_default_dtype(torch.float32)


STORED = [r for r in rows(0, 300) if r.array.size <= 100 or r.array.size > 1000 and not r.options]
