"""Seeing into the engine: counts, and why a program was compiled anew."""

from __future__ import annotations

import functools
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
# Of the latest structures: [(kernel, where it was called)], and the seconds of each compilation.
_seen: deque[tuple[list, list[float]]] = deque(maxlen=128)


def stats() -> dict:
    """Structures seen, programs compiled, structures interpreted, evaluations, seconds
    compiling."""
    return {
        "structures": COUNTS.structures,
        "compiled": COUNTS.compiled,
        "interpreted": COUNTS.interpreted,
        "evaluations": COUNTS.evaluations,
        "seconds_compiling": COUNTS.seconds_compiling,
    }


def note_structure(structure, nodes) -> None:
    COUNTS.structures += 1
    structure.sites = [(n.kernel, n.site_or_none or n.kernel.site) for n in nodes]
    _seen.append((structure.sites, []))


def note_compiled(structure, nodes, seconds: float) -> None:
    COUNTS.compiled += 1
    COUNTS.seconds_compiling += seconds
    for described, compilations in _seen:
        if described is structure.sites:
            compilations.append(seconds)


def explain() -> str:
    """In plain words, why each of the latest programs was compiled: which op, shape or static
    argument differed from the structure most like it before, and the user's line."""
    lines, before = [], []
    for described, seconds in _seen:
        if seconds:
            nearest = max(reversed(before), key=functools.partial(_alike, described), default=[])
            lines.append(
                f"compiled a program of {len(described)} ops in {sum(seconds):.2f} s: "
                + _why(described, nearest)
            )
        before.append(described)
    return "\n".join(lines) or "no program has been compiled"


def _alike(a: list, b: list) -> tuple[int, int]:
    """How many ops from the first on are the same, and how many of those at the same shapes."""
    same_op = same = 0
    for (x, _), (y, _) in zip(a, b, strict=False):
        if x.op is not y.op or x.name != y.name:
            break
        same_op += 1
        same += x is y
    return same_op, same


def _why(new: list, old: list) -> str:
    if not _alike(new, old)[0]:
        kernel, site = new[0]
        return f"nothing like it was seen before; it begins with {_in_short(kernel)}{at(site)}"
    for i, ((kernel, site), (other, _)) in enumerate(zip(new, old, strict=False)):
        if kernel is other:
            continue
        if kernel.op is not other.op or kernel.name != other.name:
            return f"op {i} is {kernel.name} where it was {other.name}{at(site)}"
        if kernel.avals != other.avals:
            was, now = _differing(other.avals, kernel.avals)
            return f"{kernel.name} got {now} where it got {was}{at(site)}"
        if kernel.statics != other.statics:
            was, now = _other_statics(other.statics, kernel.statics)
            return f"{kernel.name} has {now} where it had {was}{at(site)}"
    same = min(len(new), len(old))
    kernel, site = new[same - 1]
    if len(new) == len(old):
        return f"its {same} ops are the same, wired otherwise, or other values of it were wanted"
    goes = "goes on after" if len(new) > same else "stops after"
    return f"it {goes} {_in_short(kernel)}{at(site)}, unlike the one before"


def _in_short(kernel) -> str:
    given = _few(kernel.avals)
    given += [f"{k}={v!r}" for k, v in (kernel.statics or {}).items() if not callable(v)]
    return f"{kernel.name}({', '.join(given)})"


def _few(avals) -> list[str]:
    """Inputs, of many the first few."""
    given = [repr(aval) for aval in avals]
    if len(given) > 6:
        given[4:] = [f"{len(given) - 4} more"]
    return given


def _other_statics(was: dict | None, now: dict | None) -> tuple[str, str]:
    was, now = was or {}, now or {}
    other = [k for k in {**was, **now} if k not in was or k not in now or was[k] != now[k]]
    texts = (", ".join(f"{k}={of[k]!r}" for k in other if k in of) for of in (was, now))
    before, after = (text or "no static arguments" for text in texts)
    return before, after


def _differing(was: tuple, now: tuple) -> tuple[str, str]:
    """Two lists of inputs; of many, the first that differ."""
    if len(now) > 6 and len(was) == len(now):
        pairs = [pair for pair in zip(was, now, strict=True) if pair[0] is not pair[1]]
        was, now = zip(*pairs, strict=True)
    return f"[{', '.join(_few(was))}]", f"[{', '.join(_few(now))}]"


# ---------------------------------------------------------------------------------------------
# Sites: the user's line, kept as a code object and an instruction offset, never as a frame


def site(depth: int = 2):
    """Where the innermost frame outside jaxtorch is."""
    frame = sys._getframe(depth)
    while frame.f_back is not None and (frame.f_globals.get("__name__", "") + ".").startswith(
        "jaxtorch."
    ):
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def at(where) -> str:
    """`` (at file:line: text)`` of a site, or nothing."""
    if where is None:
        return ""
    code, offset = where
    line = next(
        (n for start, end, n in code.co_lines() if start <= offset < end and n), code.co_firstlineno
    )
    text = linecache.getline(code.co_filename, line).strip()
    return f" (at {code.co_filename}:{line}{': ' + text if text else ''})"
