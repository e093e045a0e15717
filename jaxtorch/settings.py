"""The process's settings: matrix precision, threads, deterministic algorithms, warnings.

They are JAX's and XLA's own, which torch's names stand for here. XLA reads threads and flags once,
when its backend starts: said later, they warn that they come too late.
"""

from __future__ import annotations

import os
import warnings

import jax

from jaxtorch import devices
from jaxtorch.engine import evaluate

__all__ = [
    "are_deterministic_algorithms_enabled", "get_deterministic_debug_mode",
    "get_float32_matmul_precision", "get_num_interop_threads", "get_num_threads",
    "init_num_threads", "is_deterministic_algorithms_warn_only_enabled", "is_warn_always_enabled",
    "set_deterministic_debug_mode", "set_float32_matmul_precision", "set_flush_denormal",
    "set_num_interop_threads", "set_num_threads", "set_warn_always",
    "use_deterministic_algorithms",
]  # fmt: skip

# -- the precision of float32 products ------------------------------------------------------------

_PRECISIONS = {"highest": "highest", "high": "tensorfloat32", "medium": "bfloat16"}


def set_float32_matmul_precision(precision: str) -> None:
    """Let matrix products of float32 run in "highest", "high" (TF32 on a GPU) or "medium"
    (bfloat16) precision. It is the process's ``jax_default_matmul_precision``, so that it holds for
    the JAX code beside it too, and for convolutions."""
    if precision not in _PRECISIONS:
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the current"
            "setFloat32MatmulPrecision call has no effect."
        )
        return
    _set_precision(_PRECISIONS[precision])


def _set_precision(precision: str | None) -> None:
    if jax.config.jax_default_matmul_precision == precision:
        return
    evaluate.evaluate_all()  # what was recorded before is computed as was said before
    jax.config.update("jax_default_matmul_precision", precision)
    for structure in evaluate.STRUCTURES.values():
        structure.programs.clear()


def get_float32_matmul_precision() -> str:
    """What is set; "highest" where nothing was, though XLA then uses TF32 on GPUs that have it."""
    now = jax.config.jax_default_matmul_precision
    for name, theirs in _PRECISIONS.items():
        if now == theirs:
            return name
    return {"float32": "highest", "BF16_BF16_F32_X3": "high"}.get(now, "highest")


# -- threads --------------------------------------------------------------------------------------


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def set_num_threads(int: int) -> None:
    """Let XLA use this many threads on the CPU. It asks once: a call after the first computation
    warns and changes nothing."""
    if int.__class__ is not _INT:
        raise TypeError(f"set_num_threads expects an int, but got {type(int).__name__}")
    if int <= 0:
        raise RuntimeError("set_num_threads expects a positive integer")
    if int == get_num_threads():
        return
    if devices.started():
        warnings.warn(
            f"torch.set_num_threads({int}) comes too late: XLA started with {get_num_threads()} "
            "threads. Call it before the first computation."
        )
        return
    os.environ["PJRT_NPROC"] = str(int)


_INT = int


def get_num_threads() -> int:
    """How many threads XLA has, or will have, on the CPU."""
    for name in ("PJRT_NPROC", "NPROC"):
        if os.environ.get(name, "").isdigit():
            return int(os.environ[name])
    return _processors()


def init_num_threads() -> None:
    """Nothing is left to do: XLA starts its own threads."""


def set_num_interop_threads(int: int) -> None:
    """XLA has one pool of threads for all: only its own number can be asked for."""
    if int <= 0:
        raise RuntimeError("Expected positive number of threads")
    if int != get_num_interop_threads():
        warnings.warn("torch.set_num_interop_threads: XLA has no second pool of threads to size")


def get_num_interop_threads() -> int:
    return get_num_threads()


# -- deterministic algorithms ---------------------------------------------------------------------

_DETERMINISTIC = "--xla_gpu_deterministic_ops=true"
_mode = 0  # as set_deterministic_debug_mode has it: 0 off, 1 warn, 2 error


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Have XLA choose algorithms that give the same bits on every run.

    On the CPU all of them do. For a GPU it is an XLA flag, read when the backend starts: a later
    call warns if there is a GPU.
    """
    global _mode
    _mode = (1 if warn_only else 2) if mode else 0
    flags = os.environ.get("XLA_FLAGS", "")
    if (_DETERMINISTIC in flags) == bool(mode):
        return
    if devices.started():
        if mode and devices.platform_devices("cuda"):
            warnings.warn(
                "use_deterministic_algorithms comes too late for this process's GPU: call it "
                f"before the GPU is first used, or set XLA_FLAGS={_DETERMINISTIC}"
            )
        return
    if mode:
        os.environ["XLA_FLAGS"] = f"{flags} {_DETERMINISTIC}".strip()
    else:
        os.environ["XLA_FLAGS"] = flags.replace(_DETERMINISTIC, "").strip()


def are_deterministic_algorithms_enabled() -> bool:
    return _mode > 0


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    return _mode == 1


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """0 or "default", 1 or "warn", 2 or "error": ``use_deterministic_algorithms`` by one number."""
    names = {"default": 0, "warn": 1, "error": 2}
    if not isinstance(debug_mode, int | str):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    if isinstance(debug_mode, str):
        if debug_mode not in names:
            raise RuntimeError(
                "invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got "
                f"{debug_mode}"
            )
        debug_mode = names[debug_mode]
    if debug_mode not in (0, 1, 2):
        raise RuntimeError(
            f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}"
        )
    use_deterministic_algorithms(debug_mode > 0, warn_only=debug_mode == 1)


def get_deterministic_debug_mode() -> int:
    return _mode


# -- the rest -------------------------------------------------------------------------------------


def set_flush_denormal(mode: bool) -> bool:
    """False: XLA decides by itself how its programs treat denormal numbers (torch returns False
    where the processor has no such switch)."""
    return False


_warn_always = False


def set_warn_always(b: bool, /) -> None:
    """Have Python show each warning every time, instead of once a place."""
    global _warn_always
    if bool(b) != _warn_always:
        if b:
            warnings.simplefilter("always")
        else:
            warnings.filters.remove(("always", None, Warning, None, 0))
        _warn_always = bool(b)


def is_warn_always_enabled() -> bool:
    return _warn_always
