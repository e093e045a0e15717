"""Could the program catch an exception here? Where nobody could, it may as well come later.

A check of the data (a matrix is singular) is deferred, so that a training step stays one program.
But ``try: torch.linalg.cholesky(a)`` wants its exception on the spot: there the value is computed
at once. What says so is the exception table of each code object on the stack.
"""

from __future__ import annotations

import sys
from types import CodeType

_tables: dict[CodeType, tuple[tuple[int, int], ...]] = {}
# Frames that hand every exception on, whatever their ``try`` and ``with`` are for.
_TRANSPARENT = ("jaxtorch.", "runpy.", "importlib.")


def somewhere(depth: int = 1) -> bool:
    """Is any frame from the caller's up inside a ``try`` or ``with`` block?"""
    frame = sys._getframe(depth)
    while frame is not None:
        code = frame.f_code
        table = _tables.get(code)
        if table is None:
            table = _tables[code] = _guarded(code)
        if table:
            name = frame.f_globals.get("__name__", "") + "."
            offset = frame.f_lasti
            if any(a <= offset < b for a, b in table) and not name.startswith(_TRANSPARENT):
                return True
        frame = frame.f_back
    return False


def _guarded(code: CodeType) -> tuple[tuple[int, int], ...]:
    """The ranges of byte offsets that have a handler. (The table's format is that of CPython's
    Objects/exception_handling_notes.txt: groups of four numbers, six bits a byte.)"""
    ranges, numbers = [], []
    bytes_ = iter(code.co_exceptiontable)
    for byte in bytes_:
        value = byte & 63
        while byte & 64:
            byte = next(bytes_)
            value = value << 6 | byte & 63
        numbers.append(value)
        if len(numbers) == 4:
            start, length, _, _ = numbers
            ranges.append((2 * start, 2 * (start + length)))
            numbers = []
    return tuple(ranges)
