"""The persistent compilation cache: the second run of a script starts hot.

It is JAX's own cache, in force around the engine's compilations only. ``JAXTORCH_CACHE=off``
switches it off and ``JAXTORCH_CACHE=folder`` moves it; a cache folder that the program has given to
JAX itself (``JAX_COMPILATION_CACHE_DIR``) is used as it is.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import os
import platform
import time
from pathlib import Path

import jaxlib
from jax._src import compilation_cache, config

LARGEST = 2 << 30  # bytes: past it the oldest entries are removed
SELDOM = 3600  # seconds between two looks at how large it is


@functools.cache
def folder() -> str | None:
    """Where compiled programs are kept; None: nowhere, or where JAX has been told."""
    wanted = os.environ.get("JAXTORCH_CACHE", "")
    if wanted.lower() in ("off", "0") or config.compilation_cache_dir.value is not None:
        return None
    base = Path(wanted) if wanted else _user_cache() / "jaxtorch"
    path = base / _machine()
    try:
        path.mkdir(parents=True, exist_ok=True)
        if _is_due(path):
            atexit.register(_prune, path)
    except OSError:
        return None  # a home that cannot be written to: compile anew in every run
    if compilation_cache._cache_checked and not compilation_cache._cache_used:
        # JAX compiled before without a cache and has settled on none
        compilation_cache.reset_cache()
    return str(path)


def _user_cache() -> Path:
    if platform.system() == "Windows":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    if platform.system() == "Darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _machine() -> str:
    """Programs for a CPU run only on CPUs with the same instructions."""
    features = platform.processor() + platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("flags", "Features", "model name")):
                features += line
            elif not line:
                break
    digest = hashlib.sha256(features.encode()).hexdigest()[:12]
    return f"jaxlib-{jaxlib.__version__}-{digest}"


def _is_due(path: Path) -> bool:
    marker = path / "pruned"
    return not marker.exists() or time.time() - marker.stat().st_mtime > SELDOM


def _prune(path: Path) -> None:
    """Remove what is too much: when the process ends, since reading a large folder takes a
    second."""
    with contextlib.suppress(OSError):  # the folder itself may be gone by now
        (path / "pruned").touch()
        with os.scandir(path) as found:
            entries = [(e.stat(), e.path) for e in found if e.name.endswith("-cache")]
        excess = sum(status.st_size for status, _ in entries) - LARGEST
        for status, entry in sorted(entries, key=lambda e: e[0].st_mtime):
            if excess <= 0:
                return
            with contextlib.suppress(FileNotFoundError):
                os.unlink(entry)
            excess -= status.st_size


@contextlib.contextmanager
def in_force():
    """Compilations inside are read from the cache, or kept there."""
    path = folder()
    if path is None:
        yield
        return
    with (
        config.compilation_cache_dir(path),
        config.persistent_cache_min_compile_time_secs(0.0),
        config.persistent_cache_min_entry_size_bytes(-1),
    ):
        yield
