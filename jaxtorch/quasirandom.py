"""``torch.quasirandom``: Sobol sequences, whose points fill a cube evenly.

Point k is the exclusive or of a *direction number* for each bit of k's Gray code (Antonov and
Saleev 1979), so that any stretch of the sequence is made at once. ``sobol_directions.bin`` holds
the direction numbers of Joe and Kuo (2008), search criterion D(6), for 21201 dimensions: by degree
of the primitive polynomial, for each polynomial its inner coefficients and the bits of its first
numbers that are not fixed, all packed.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from jaxtorch.dtypes import get_default_dtype
from jaxtorch.ops.creation import zeros
from jaxtorch.ops.data import tensor, wrap
from jaxtorch.ops.sampling import randint
from jaxtorch.random import Generator

__all__ = ["SobolEngine"]

# How many primitive polynomials over GF(2) there are of the degrees 1 to 18.
_POLYNOMIALS = (1, 1, 2, 2, 6, 6, 18, 16, 48, 60, 176, 144, 630, 756, 1800, 2048, 7710, 7776)
_BITS = 30


@functools.cache
def _packed() -> np.ndarray:
    data = (Path(__file__).parent / "sobol_directions.bin").read_bytes()
    return np.unpackbits(np.frombuffer(data, np.uint8)).astype(np.int64)


def _directions(dimension: int) -> np.ndarray:
    """(dimension, 30) direction numbers, of 30 bits."""
    parts, place = [np.ones((1, _BITS), np.int64)], 0
    for degree, count in enumerate(_POLYNOMIALS, 1):
        if sum(map(len, parts)) >= dimension:
            break
        width = (degree - 1) * (degree + 2) // 2
        rows = _packed()[place : place + count * width].reshape(count, width)
        place += count * width
        parts.append(_of_degree(degree, rows[:, : degree - 1], rows[:, degree - 1 :]))
    odd = np.concatenate(parts)[:dimension]
    return odd << np.arange(_BITS - 1, -1, -1)


def _of_degree(degree: int, inner: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """The odd numbers behind direction numbers: the first ``degree`` are given, the others follow
    by the recurrence of the polynomial with these ``inner`` coefficients."""
    odd, used = np.ones((len(inner), _BITS), np.int64), 0
    for k in range(1, degree):
        odd[:, k] += bits[:, used : used + k] @ (2 << np.arange(k))
        used += k
    for k in range(degree, _BITS):
        odd[:, k] = odd[:, k - degree] ^ (odd[:, k - degree] << degree)
        for i in range(1, degree):
            odd[:, k] ^= inner[:, i - 1] * (odd[:, k - i] << i)
    return odd


class SobolEngine:
    """A Sobol sequence in ``dimension`` dimensions, up to 21201.

    With ``scramble`` it is randomised: a random linear map of the bits and a random shift (Owen
    1998), drawn with ``seed``, or from the default generator.
    """

    MAXBIT = _BITS
    MAXDIM = 1 + sum(_POLYNOMIALS)

    def __init__(self, dimension: int, scramble: bool = False, seed: int | None = None):
        if not 1 <= dimension <= self.MAXDIM:
            raise ValueError(
                f"Supported range of dimensionality for SobolEngine is [1, {self.MAXDIM}]"
            )
        self.dimension, self.scramble, self.seed = dimension, scramble, seed
        numbers = _directions(dimension)
        self.shift = zeros(dimension, dtype=tensor(0).dtype)
        if scramble:
            numbers = self._scrambled(numbers)
        self.sobolstate = wrap(numbers)
        self.quasi = self.shift.clone()
        self._first_point = (self.quasi / 2**_BITS).reshape(1, -1)
        self.num_generated = 0

    def _scrambled(self, numbers: np.ndarray) -> np.ndarray:
        gen = None if self.seed is None else Generator().manual_seed(self.seed)
        shift = randint(2, (self.dimension, _BITS), generator=gen).numpy()
        self.shift = wrap(shift @ (1 << np.arange(_BITS)))
        lower = randint(2, (self.dimension, _BITS, _BITS), generator=gen).numpy()
        lower = np.tril(lower, -1) + np.eye(_BITS, dtype=np.int64)
        places = np.arange(_BITS - 1, -1, -1)
        bits = numbers[:, None, :] >> places[:, None] & 1  # (dimension, bit, number)
        return np.einsum("dbn,b->dn", lower @ bits & 1, 1 << places)

    def _points(self, first: int, count: int) -> np.ndarray:
        """The points from number ``first`` on, as integers of 30 bits."""
        index = np.arange(first, first + count)
        gray = index ^ (index >> 1)
        numbers = self.sobolstate.numpy()
        points = np.broadcast_to(self.shift.numpy(), (count, self.dimension))
        for bit in range(int(gray.max(initial=0)).bit_length()):
            points = points ^ (gray >> bit & 1)[:, None] * numbers[:, bit]
        return points

    def draw(self, n: int = 1, out=None, dtype=None):
        """The next ``n`` points: (n, dimension), in [0, 1)."""
        dtype = dtype or get_default_dtype()
        points = self._points(self.num_generated, n)
        made = wrap(points.astype(dtype.numpy) * dtype.numpy.type(2.0**-_BITS))
        if self.num_generated == 0 and n:
            made[:1] = self._first_point.to(dtype)  # rounded to the default dtype, as PyTorch's
        self._go_on(n)
        if out is None:
            return made
        out.resize_as_(made).copy_(made)
        return out

    def draw_base2(self, m: int, out=None, dtype=None):
        """The next 2**m points, where with them a power of 2 has been drawn in all."""
        n = 2**m
        total = self.num_generated + n
        if total & (total - 1):
            raise ValueError(
                "The balance properties of Sobol' points require n to be a power of 2. "
                f"{self.num_generated} points have been previously generated, then: "
                f"n={self.num_generated}+2**{m}={total}. If you still want to do this, please use "
                "'SobolEngine.draw()' instead."
            )
        return self.draw(n, out, dtype)

    def reset(self) -> SobolEngine:
        """Start again from the first point."""
        self.quasi.copy_(self.shift)
        self.num_generated = 0
        return self

    def fast_forward(self, n: int) -> SobolEngine:
        """Skip ``n`` points."""
        self._go_on(n)
        return self

    def _go_on(self, n: int) -> None:
        self.num_generated += n
        if self.num_generated:
            self.quasi = wrap(self._points(self.num_generated - 1, 1)[0])

    def __repr__(self) -> str:
        shown = [f"dimension={self.dimension}"]
        shown += ["scramble=True"] if self.scramble else []
        shown += [f"seed={self.seed}"] if self.seed is not None else []
        return f"SobolEngine({', '.join(shown)})"
