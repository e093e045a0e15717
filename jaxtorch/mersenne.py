"""Skipping words of a 32-bit Mersenne twister: by stepping when few, by algebra when many.

The twister is linear over GF(2). Its state ``k`` words on is therefore a sum of the states right
ahead of it: those whose number has a 1 in ``x**k mod P``, where ``P`` is its characteristic
polynomial (Haramoto, Matsumoto and L'Ecuyer 2008). A polynomial is a Python int here, its
coefficients the bits.
"""

from __future__ import annotations

import functools

import numpy as np

_N, _M, _R = 624, 397, 31  # words of state, the middle word, the bits of the oldest that are unused
_MATRIX = 0x9908B0DF
_DEGREE = _N * 32 - _R
_WORTH_LEAPING = 1 << 24  # stepping is 3 ns a word; the algebra takes 30 to 60 ms


def advance(twister: np.random.MT19937, count: int) -> None:
    """Step ``twister`` over ``count`` words."""
    if count >= _WORTH_LEAPING:
        count = _leap(twister, count)
    while count > 0:
        twister.random_raw(min(count, 1 << 20), output=False)
        count -= 1 << 20


def _leap(twister: np.random.MT19937, count: int) -> int:
    """Go most of the way, to the end of a block of state; say how many words are left to step."""
    state = twister.state
    ahead = state["state"]["pos"] + count
    blocks = (ahead - 1) // _N - 1  # the last block is stepped into, which makes it whole
    blocks_key = state["state"]["key"]
    state["state"]["key"] = _combine(blocks_key, _power_of_x(blocks * _N))
    state["state"]["pos"] = _N
    twister.state = state
    return ahead - (blocks + 1) * _N


def _combine(key: np.ndarray, polynomial: int) -> np.ndarray:
    """The sum of those states from ``key`` on whose bit is set in ``polynomial``."""
    scout = np.random.MT19937(0)
    scout.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": _N}}
    words = [key]
    for _ in range(_DEGREE // _N + 1):
        scout.random_raw(_N, output=False)
        words.append(scout.state["state"]["key"])
    states = np.lib.stride_tricks.sliding_window_view(np.concatenate(words), _N)
    bits = np.frombuffer(polynomial.to_bytes(_DEGREE // 8 + 1, "little"), np.uint8)
    chosen = np.flatnonzero(np.unpackbits(bits, bitorder="little"))
    total = np.zeros(_N, np.uint32)
    for part in np.array_split(chosen, 32):
        total ^= np.bitwise_xor.reduce(states[part], axis=0)
    return total


def _power_of_x(exponent: int) -> int:
    """x**exponent modulo the characteristic polynomial."""
    power = 1
    for bit in bin(exponent)[2:]:
        power = _reduce(_square(power) << (bit == "1"))
    return power


def _square(polynomial: int) -> int:
    """Over GF(2) squaring puts a zero between the bits."""
    data = np.frombuffer(polynomial.to_bytes(_DEGREE // 8 + 1, "little"), np.uint8)
    return int.from_bytes(_spread()[data].tobytes(), "little")


@functools.cache
def _spread() -> np.ndarray:
    return np.array([sum((b >> i & 1) << 2 * i for i in range(8)) for b in range(256)], "<u2")


def _reduce(polynomial: int) -> int:
    lower = _lower_terms()
    while high := polynomial >> _DEGREE:
        polynomial ^= high << _DEGREE
        for shift in lower:
            polynomial ^= high << shift
    return polynomial


@functools.cache
def _lower_terms() -> tuple[int, ...]:
    """The exponents below the leading one (Matsumoto and Nishimura 1998, appendix A)."""

    def times_binomial(polynomial, high, low):
        return polynomial << high ^ polynomial << low

    # Horner in the bits of the matrix's row: the last 31 factors are of one kind, the others of
    # the other.
    total, bits = 1, [_MATRIX >> i & 1 for i in range(32)]
    factors = [(_N - 1, _M - 1)] * _R + [(_N, _M)] * (32 - _R)
    for factor, bit in zip(factors, bits, strict=True):
        total = times_binomial(total, *factor) ^ bit
    return tuple(i for i in range(_DEGREE) if total >> i & 1)
