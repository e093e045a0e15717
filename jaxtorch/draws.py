"""What PyTorch's CPU draws from its generator: the same words, the same numbers, as NumPy arrays.

Every function takes ``gen`` (a ``random.Generator``), a shape and a jaxtorch dtype, and leaves the
generator where PyTorch would leave it. Checked bit for bit against PyTorch 2.13 on x86-64
(``tests/parity/test_random.py``). On Intel's processors PyTorch itself departs from this in
``bernoulli``, ``exponential`` and what is made of them: there it seeds MKL's generator with a word.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import ml_dtypes
import numpy as np

from jaxtorch import dtypes
from jaxtorch.box_muller import BLOCK, box_muller_float32, box_muller_float64, fma, libm

Shape = Sequence[int]
# Bits of the significand: whole numbers up to 2**digits are exact.
_DIGITS = {dtypes.float16: 11, dtypes.bfloat16: 8, dtypes.float32: 24, dtypes.float64: 53}


def _float_only(dtype, name: str) -> None:
    if not dtype.is_floating_point:
        raise NotImplementedError(f"\"{name}\" not implemented for '{dtype.legacy}'")


def _complex(parts: np.ndarray, dtype) -> np.ndarray:
    return parts.view(dtype.numpy).reshape(parts.shape[:-1])


def _unit_doubles(gen, count: int) -> np.ndarray:
    return (gen.draw64(count) & np.uint64(2**53 - 1)).astype(np.float64) * 2.0**-53


def uniform(gen, shape: Shape, dtype, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """Uniform in [low, high); of a complex type both parts are."""
    if dtype.is_complex:
        return _complex(uniform(gen, (*shape, 2), dtype.to_real(), low, high), dtype)
    _float_only(dtype, "check_uniform_bounds")
    if not low <= high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}"
        )
    count = math.prod(shape)
    if dtype is dtypes.float64:
        x = _unit_doubles(gen, count)
    else:
        x = (gen.draw32(count) & np.uint32(2**24 - 1)).astype(np.float32)
        x *= np.float32(2.0**-24)
    if (low, high) != (0, 1):
        # The scaling is one fused multiply-add: for float32 by way of float64.
        start = x.dtype.type(low)
        span = np.float64(x.dtype.type(high) - start)
        x = (fma if x.dtype == np.float64 else _scale)(x, span, np.float64(start))
    elif x.dtype == dtype.numpy:
        return x.reshape(shape)
    x = x.astype(dtype.numpy, copy=False)
    start, end = np.array([low, high], dtype.numpy)
    x[x == end] = start  # what rounds up to the open end begins again
    return x.reshape(shape)


def _scale(x: np.ndarray, span: np.float64, start: np.float64) -> np.ndarray:
    return (x * span + start).astype(np.float32)


def normal(
    gen, shape: Shape, dtype, mean: float = 0.0, std: float = 1.0, in_blocks: bool = True
) -> np.ndarray:
    """Normal with this mean and standard deviation; a complex type's parts share the variance.

    PyTorch draws for a tensor that is not contiguous as for one of few elements: not in blocks.
    """
    if dtype.is_complex:
        parts = normal(gen, (*shape, 2), dtype.to_real(), mean, std / math.sqrt(2))
        return _complex(parts, dtype)
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    _float_only(dtype, "normal_kernel_cpu")
    count = math.prod(shape)
    if count < BLOCK or not in_blocks:
        return _narrowed(_normal_pairs(gen, count, mean, std), dtype).reshape(shape)
    wide = dtype is dtypes.float64
    draw, transform = (_unit_doubles, box_muller_float64) if wide else (_words, box_muller_float32)
    tail = count % BLOCK
    with gen.lock:
        # The halves leave an unfilled block undrawn; then the last 16 elements are drawn anew.
        drawn = draw(gen, count if dtype in (dtypes.float32, dtypes.float64) else count - tail)
        x = transform(drawn[: count - tail], mean, std)
        if tail:
            x = np.concatenate([x[: count - BLOCK], transform(draw(gen, BLOCK), mean, std)])
    return x.astype(dtype.numpy, copy=False).reshape(shape)


def _narrowed(x: np.ndarray, dtype) -> np.ndarray:
    """Doubles in ``dtype``: to half types they go by way of float32, as in PyTorch."""
    if dtype in dtypes.HALF_TYPES:
        x = x.astype(np.float32)
    return x.astype(dtype.numpy)


def _words(gen, count: int) -> np.ndarray:
    return gen.draw32(count)


def _normal_pairs(gen, count: int, mean: float, std: float) -> np.ndarray:
    """Normals in float64, two from each pair of uniforms; an odd one out is kept by ``gen``."""
    out = np.empty(count)
    with gen.lock:
        start = 0
        if count and gen.spare_normal is not None:
            out[0], gen.spare_normal, start = gen.spare_normal, None, 1
        pairs = (count - start + 1) // 2
        if pairs:
            u = _unit_doubles(gen, 2 * pairs).reshape(-1, 2)
            radius = np.sqrt(-2 * libm(math.log1p, -u[:, 1]))
            angle = 2 * math.pi * u[:, 0]
            normals = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()
            out[start:] = normals[: count - start]
            if (count - start) % 2:
                gen.spare_normal = float(normals[-1])
    return fma(out, std, mean)


def randint(gen, low: int, high: int, shape: Shape, dtype) -> np.ndarray:
    """Integers in [low, high), in any dtype."""
    low, high = _int64(low), _int64(high)
    if low >= high:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )
    if dtype.is_floating_point:
        low, high = _representable_low(low, dtype), _representable_high(high, dtype)
        if low >= high:
            raise RuntimeError(
                "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but "
                f"got from={low} >= to={high}"
            )
    for value, name in ((low, "from"), (high - 1, "to - 1")):
        _check_bound(value, dtype, name)
        _warn_of_gaps(value, dtype, name)
    return _from_range(gen, shape, dtype, low, high - low)


def _int64(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise ValueError("Overflow when unpacking long long")
    return int(value)


def _representable_low(low: int, dtype) -> int:
    above = _round(low + 1, dtype)
    return low if above >= low else above + _spacing(low + 1, dtype)


def _representable_high(high: int, dtype) -> int:
    below = _round(high - 1, dtype)
    return high if below < high else below - _spacing(high - 1, dtype)


def _round(value: int, dtype) -> int:
    rounded = np.float64(value).astype(dtype.numpy).astype(np.float64)
    return int(rounded) if np.isfinite(rounded) else value


def _spacing(value: int, dtype) -> int:
    return 1 << abs(value).bit_length() - _DIGITS[dtype]


def _warn_of_gaps(value: int, dtype, name: str) -> None:
    digits = _DIGITS.get(dtype, 64)
    if abs(value) > 2**digits:
        warnings.warn(
            f"{name} is out of bounds [-(2^{digits}), 2^{digits}]. Due to precision limitations "
            f"{_CPP_NAMES[dtype]} can support discrete uniform distribution only within this range."
        )


def _check_bound(value: int, dtype, name: str) -> None:
    least, most = _bounds(dtype)
    if not least <= value <= most:
        raise RuntimeError(f"{name} is out of bounds for {_CPP_NAMES[dtype]}")


_CPP_NAMES = {
    dtypes.bool: "bool", dtypes.uint8: "unsigned char", dtypes.int8: "signed char",
    dtypes.int16: "short int", dtypes.int32: "int", dtypes.int64: "long int",
    dtypes.uint16: "short unsigned int", dtypes.uint32: "unsigned int",
    dtypes.uint64: "long unsigned int", dtypes.float16: "c10::Half",
    dtypes.bfloat16: "c10::BFloat16", dtypes.float32: "float", dtypes.float64: "double",
}  # fmt: skip


def _bounds(dtype) -> tuple[int, int]:
    if dtype is dtypes.bool:
        return 0, 1
    if dtype.is_floating_point:
        most = int(float(ml_dtypes.finfo(dtype.numpy).max))
        return -most, most
    info = np.iinfo(dtype.numpy)
    return int(info.min), int(info.max)


def _from_range(gen, shape: Shape, dtype, low: int, span: int) -> np.ndarray:
    count = math.prod(shape)
    if span < 2**28:  # PyTorch's switch to 64-bit draws, which keeps the remainder's bias small
        x = (gen.draw32(count) % np.uint32(span)).astype(np.int64)
    else:
        x = (gen.draw64(count) % np.uint64(span)).view(np.int64)
    x += np.uint64(low % 2**64).astype(np.int64)
    return x.astype(dtype.numpy).reshape(shape)


def random_(gen, shape: Shape, dtype, low: int | None = None, high: int | None = None):
    """``Tensor.random_``: the type's whole range, or [low, its maximum], or [low, high)."""
    if low is not None and high is not None:
        return randint(gen, low, high, shape, dtype)
    if dtype.is_floating_point:
        most = 2 ** _DIGITS[dtype]
    else:
        most = _bounds(dtype)[1]
    if low is not None:
        low = _int64(low)
        if low == -(2**63):
            return gen.draw64(math.prod(shape)).astype(dtype.numpy).reshape(shape)
        _check_bound(low, dtype, "from")
        if dtype.is_floating_point and low >= most:
            raise RuntimeError(
                "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' "
                f"casted to dtype, but got from={low} > to_inc={most}"
            )
        return _from_range(gen, shape, dtype, low, most + 1 - low)
    count = math.prod(shape)
    if dtype in (dtypes.float64, dtypes.int64, dtypes.uint64):
        x = gen.draw64(count) % np.uint64(most + 1) if most + 1 < 2**64 else gen.draw64(count)
    else:
        x = gen.draw32(count) % np.uint32(most + 1) if most + 1 < 2**32 else gen.draw32(count)
    return x.astype(dtype.numpy).reshape(shape)


def permutation(gen, n: int, dtype=dtypes.int64) -> np.ndarray:
    """``randperm``: Fisher and Yates' shuffle of 0..n-1, from the front."""
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    if dtype.category == dtypes.INT and n > _bounds(dtype)[1]:
        raise RuntimeError(
            f"value cannot be converted to type {dtype.numpy.name}_t without overflow"
        )
    if dtype in _DIGITS and dtype is not dtypes.bfloat16 and n > 2 ** _DIGITS[dtype] + 1:
        raise RuntimeError(
            f"n cannot be greater than {2 ** _DIGITS[dtype] + 1} for {dtype.legacy} type."
        )
    if dtype.category not in (dtypes.INT, dtypes.FLOAT):
        raise NotImplementedError(f"\"randperm\" not implemented for '{dtype.legacy}'")
    if n == 0:
        return np.empty(0, dtype.numpy)
    left = np.arange(n, 1, -1, dtype=np.uint64)
    draw = gen.draw32 if n < (2**32 - 1) // 20 else gen.draw64
    hops = (draw(n - 1) % left).tolist()
    order = list(range(n))
    for i, hop in enumerate(hops):
        j = i + hop
        order[i], order[j] = order[j], order[i]
    return np.array(order, dtype.numpy)


def bernoulli(gen, shape: Shape, dtype, p: float = 0.5) -> np.ndarray:
    """1 with probability ``p``, else 0."""
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
    return (_unit_doubles(gen, math.prod(shape)) < p).astype(dtype.numpy).reshape(shape)


def bernoulli_like(gen, p: np.ndarray, dtype) -> np.ndarray:
    """1 with each element's own probability, else 0. (A single-precision ``p`` takes one word.)"""
    p = np.asarray(p)
    _float_only(dtypes.from_numpy_dtype(p.dtype), "bernoulli_tensor_cpu_p_")
    if not ((p >= 0) & (p <= 1)).all():
        raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true, but got false.")
    of = dtypes.float64 if p.dtype == np.float64 else dtypes.float32
    return (uniform(gen, p.shape, of) < p.astype(of.numpy)).astype(dtype.numpy)


def exponential(gen, shape: Shape, dtype, lambd: float = 1.0) -> np.ndarray:
    """Exponential with rate ``lambd``."""
    if not lambd > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
    if not dtype.is_floating_point:
        raise RuntimeError(
            "Exponential distribution is a continuous probability distribution. dtype must be a "
            f"floating point but you specified {dtype.legacy}"
        )
    x = -1.0 / lambd * libm(math.log1p, -_unit_doubles(gen, math.prod(shape)))
    return _narrowed(x, dtype).reshape(shape)


def geometric(gen, shape: Shape, dtype, p: float) -> np.ndarray:
    """The number of trials up to the first success, of probability ``p``."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    if dtype.category not in (dtypes.INT, dtypes.FLOAT) and math.prod(shape):
        raise NotImplementedError(f"\"geometric_cpu\" not implemented for '{dtype.legacy}'")
    u = _unit_doubles(gen, math.prod(shape))
    x = np.ceil(libm(_log, u) / math.log1p(-p))
    return _narrowed(x, dtype).reshape(shape)


def _log(x: float) -> float:
    return math.log(x) if x else -math.inf


def cauchy(gen, shape: Shape, dtype, median: float = 0.0, sigma: float = 1.0) -> np.ndarray:
    """Cauchy around ``median``."""
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
    if not dtype.is_floating_point:
        raise RuntimeError(
            "Cauchy distribution is a continuous probability distribution. dtype must be a "
            f"floating point but you specified {dtype.legacy}"
        )
    u = _unit_doubles(gen, math.prod(shape))
    x = fma(libm(math.tan, math.pi * (u - 0.5)), sigma, median)
    return _narrowed(x, dtype).reshape(shape)


def log_normal(gen, shape: Shape, dtype, mean: float = 1.0, std: float = 2.0) -> np.ndarray:
    """exp of a normal with this mean and standard deviation."""
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
    _float_only(dtype, "log_normal_cpu")
    x = libm(math.exp, _normal_pairs(gen, math.prod(shape), mean, std))
    return _narrowed(x, dtype).reshape(shape)


def multinomial(gen, weights: np.ndarray, num_samples: int, replacement: bool = False):
    """Indices drawn by weight: int64 of shape (num_samples,), or (rows, num_samples)."""
    weights = np.asarray(weights)
    if weights.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    dtype = dtypes.from_numpy_dtype(weights.dtype)
    if not dtype.is_floating_point:
        raise RuntimeError(
            "multinomial only supports floating-point dtypes for input, got: " + dtype.legacy
        )
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > weights.shape[-1]:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement"
        )
    if weights.shape[-1] > 2**24:
        raise RuntimeError("number of categories cannot exceed 2^24")
    rows = weights.reshape(-1, weights.shape[-1])
    shape = (*weights.shape[:-1], num_samples)
    if not rows.size:
        return np.empty(shape, np.int64)
    if replacement and num_samples > 1:
        return _multinomial_with_replacement(gen, rows, num_samples).reshape(shape)
    if not (np.isfinite(rows) & (rows >= 0)).all():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if (rows.sum(1) == 0).any():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    # The largest of weight / Exp(1) are a sample without replacement.
    with np.errstate(divide="ignore"):
        keys = rows / exponential(gen, rows.shape, dtype)
    if num_samples == 1:
        return keys.argmax(1).astype(np.int64).reshape(shape)
    return np.argsort(-keys, axis=1, kind="stable")[:, :num_samples].reshape(shape)


def _multinomial_with_replacement(gen, rows: np.ndarray, num_samples: int) -> np.ndarray:
    if (rows < 0).any():
        raise RuntimeError("invalid multinomial distribution (encountering probability entry < 0)")
    if not np.isfinite(rows).all():
        raise RuntimeError(
            "invalid multinomial distribution (encountering probability entry = infinity or NaN)"
        )
    sums = np.cumsum(rows, axis=1, dtype=np.promote_types(rows.dtype, np.float32))
    if (sums[:, -1] <= 0).any():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    sums /= sums[:, -1:].copy()
    sums[:, -1] = 1
    u = _unit_doubles(gen, len(rows) * num_samples).reshape(len(rows), num_samples)
    return np.stack([np.searchsorted(sums[i], u[i]) for i in range(len(rows))]).astype(np.int64)
