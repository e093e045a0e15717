"""Seeing into the engine: counts, and why a program was compiled anew."""

from __future__ import annotations

import linecache
import sys
from collections import deque


class Counts:
    """What the engine has done since the process began (or ``reset``)."""

    def __init__(self):
        self.reset()

    def reset(self) -> None:
        self.structures = 0
        self.compiled = 0
        self.interpreted = 0
        self.evaluations = 0
        self.seconds_compiling = 0.0


COUNTS = Counts()
_recent: deque = deque(maxlen=64)  # (structure's nodes, described), of the latest structures
_reasons: deque = deque(maxlen=64)


def stats() -> dict:
    """Structures seen, programs compiled, structures interpreted, evaluations, seconds compiling."""
    return {
        "structures": COUNTS.structures,
        "compiled": COUNTS.compiled,
        "interpreted": COUNTS.interpreted,
        "evaluations": COUNTS.evaluations,
        "seconds_compiling": COUNTS.seconds_compiling,
    }


def note_structure(structure, nodes) -> None:
    COUNTS.structures += 1
    described = [(n.kernel, n.site_or_none) for n in nodes]
    structure.sites = described
    nearest = max(_recent, key=lambda other: _overlap(other, described), default=None)
    _reasons.append((len(nodes), described, nearest, []))
    _recent.append(described)


def _overlap(a, b) -> int:
    same = 0
    for (x, _), (y, _) in zip(a, b, strict=False):
        if x is not y:
            break
        same += 1
    return same


def note_compiled(structure, nodes, seconds: float) -> None:
    COUNTS.compiled += 1
    COUNTS.seconds_compiling += seconds
    for reason in _reasons:
        if reason[1] is structure.sites:
            reason[3].append(seconds)


def explain() -> str:
    """In plain words, why each of the latest programs was compiled: which op, shape or static
    argument differed from the structure most like it, and the user's line."""
    lines = []
    for count, described, nearest, seconds in _reasons:
        if not seconds:
            continue
        lines.append(f"compiled a program of {count} ops in {sum(seconds):.2f} s: " + _why(described, nearest))
    return "\n".join(lines) or "no program has been compiled"


def _why(described, nearest) -> str:
    if nearest is None or not _overlap(nearest, described):
        kernel, site = described[0]
        return f"nothing like it was seen before; it begins with {kernel}{at(site)}"
    same = _overlap(nearest, described)
    if same == len(described) or same == len(nearest):
        longer = "stops after" if same == len(described) else "goes on after"
        kernel, site = described[same - 1]
        return f"it {longer} {kernel}{at(site)}, unlike the one before, or other values were looked at"
    (new, site), (old, _) = described[same], nearest[same]
    if new.op is not old.op or new.name != old.name:
        return f"op {same} is {new.name} where it was {old.name}{at(site)}"
    if new.avals != old.avals:
        return f"{new.name} got {list(new.avals)} where it got {list(old.avals)}{at(site)}"
    return f"{new.name} has static arguments {new.statics} where it had {old.statics}{at(site)}"


# ---------------------------------------------------------------------------------------------
# Sites: the user's line, kept as a code object and an instruction offset, never as a frame


def site(depth: int = 2):
    """Where the innermost frame outside jaxtorch is."""
    frame = sys._getframe(depth)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("jaxtorch"):
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def at(where) -> str:
    """`` (at file:line: text)`` of a site, or nothing."""
    if where is None:
        return ""
    code, offset = where
    line = next((n for start, end, n in code.co_lines() if start <= offset < end and n), code.co_firstlineno)
    text = linecache.getline(code.co_filename, line).strip()
    return f" (at {code.co_filename}:{line}{': ' + text if text else ''})"
