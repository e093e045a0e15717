"""``torch.compile``: what it checks and what it returns. There is nothing left for it to compile,
since the engine compiles what runs: a compiled function calls the one it was given, and a compiled
module is PyTorch's wrapper around the module, with its names in the state dict."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from jaxtorch.exceptions import InvalidBackend
from jaxtorch.nn.modules.module import Module

__all__ = ["BACKENDS", "OptimizedModule", "compile"]

# PyTorch's own compilers, which XLA stands for here; the first are those that it advertises.
BACKENDS = ("cudagraphs", "inductor", "openxla", "tvm")
_DEBUGGING = (
    "aot_eager", "aot_eager_decomp_partition", "aot_eager_default_partitioner", "aot_ts", "eager",
    "eager_debug", "eager_noexcept", "openxla_eval", "pre_dispatch_eager", "ts",
)  # fmt: skip
_MODES = ("default", "lite", "reduce-overhead", "max-autotune-no-cudagraphs", "max-autotune")
# Inductor's switches that programs set, what else it takes, and sections of its configuration.
_SWITCHES = frozenset(
    "combo_kernels coordinate_descent_tuning cpp_wrapper debug dce emulate_precision_casts "
    "epilogue_fusion fallback_random freezing fx_graph_cache layout_optimization max_autotune "
    "max_autotune_gemm max_autotune_pointwise shape_padding size_asserts".split()
)
_VALUES = frozenset({"guard_filter_fn", "max_autotune_gemm_backends"})
_SECTIONS = ("aot_inductor.", "cpp.", "cuda.", "halide.", "rocm.", "trace.", "triton.")


def compile(
    model: Callable | None = None, *, fullgraph: bool = False, dynamic: bool | None = None,
    backend: str | Callable | None = None, mode: str | None = None,
    options: dict[str, Any] | None = None, name: str | None = None, disable: bool = False,
    recompile_limit: int | None = None, isolate_recompiles: bool = False, shapes_spec=None,
) -> Any:  # fmt: skip
    """An ``OptimizedModule`` around a Module, a function around any other callable; without
    ``model``, a decorator.

    Python runs on each call and the engine compiles what it records, whatever the arguments say:
    they choose among PyTorch's compilers, and are checked as it checks them. A backend of one's
    own would be given a graph of PyTorch's, which there is none of: NotImplementedError.
    """
    if shapes_spec is not None:
        raise NotImplementedError("torch.compile(shapes_spec=...): XLA compiles for each shape")
    if dynamic is not None and not isinstance(dynamic, bool):
        raise AssertionError(f"torch.compile(dynamic=...): True, False or None, not {dynamic!r}")
    if mode is not None and options is not None:
        raise RuntimeError(
            "Either mode or options can be specified, but both can't be specified at the same time."
        )
    if not disable:
        _check_backend(backend)
        if backend in (None, "inductor"):
            _check_mode(mode)
            _check_options(options)
    if model is None:
        return functools.partial(_compiled, disable=disable)
    return _compiled(model, disable)


def _compiled(model: Any, disable: bool) -> Any:
    if not callable(model):
        raise AssertionError(f"A callable function is expected, but {type(model)} is provided.")
    if disable or isinstance(model, type):
        return model
    if isinstance(model, OptimizedModule):
        model = model._orig_mod
    if isinstance(model, Module):
        return OptimizedModule(model)
    return wrapper(model)


def wrapper(fn: Callable) -> Callable:
    """A function that calls ``fn``, known by its name and not the same object."""

    def compile_wrapper(*args, **kwargs):
        return fn(*args, **kwargs)

    if hasattr(fn, "__name__"):
        functools.update_wrapper(compile_wrapper, fn)
    compile_wrapper._torchdynamo_orig_callable = fn  # type: ignore[attr-defined]
    return compile_wrapper


def _check_backend(backend: str | Callable | None) -> None:
    if backend is None or (isinstance(backend, str) and backend in BACKENDS + _DEBUGGING):
        return
    if isinstance(backend, str):
        raise InvalidBackend(
            f"Invalid backend: {backend!r}, see `torch._dynamo.list_backends()` for available "
            "backends."
        )
    raise NotImplementedError(
        f"torch.compile(backend={backend!r}): a backend of one's own compiles a graph of "
        "PyTorch's, and there is none here; jax.make_jaxpr shows what XLA is given"
    )


def _check_mode(mode: str | None) -> None:
    if mode is not None and mode not in _MODES:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(_MODES)}")


def _check_options(options: dict[str, Any] | None) -> None:
    if options is None:
        return
    if not isinstance(options, dict):
        raise TypeError(f"torch.compile(options=...) takes a dict, not {type(options).__name__}")
    for option, value in options.items():
        known = option.replace("-", "_")
        if known in _SWITCHES and type(value) is not bool:
            raise RuntimeError(
                f"Unexpected type of attr {option}, got {type(value).__name__} should be bool"
            )
        if known not in _SWITCHES | _VALUES and not known.startswith(_SECTIONS):
            raise NotImplementedError(
                f"torch.compile(options={{{option!r}: ...}}): not among the options of Inductor "
                "that are known here, and XLA has its own (XLA_FLAGS)"
            )


class OptimizedModule(Module):
    """A Module that stands for another, its ``_orig_mod``: calls, attributes and the mode are that
    one's; parameters and the state dict are found below the name ``_orig_mod``."""

    def __init__(self, mod: Module, dynamo_ctx: Any = None) -> None:
        super().__init__()
        vars(self).pop("training")
        self._register("module", "_orig_mod", mod)

    def forward(self, *args, **kwargs):
        return self._orig_mod(*args, **kwargs)

    @property
    def training(self) -> bool:  # type: ignore[override]
        return self._orig_mod.training

    @training.setter
    def training(self, mode: bool) -> None:
        self._orig_mod.training = mode

    @property
    def _torchdynamo_orig_callable(self) -> Callable:
        return self._orig_mod.forward

    def __getattr__(self, name: str) -> Any:
        if name == "_orig_mod":  # not there yet, as while it is unpickled
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        return getattr(self._orig_mod, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_orig_mod" or hasattr(type(self), name):
            super().__setattr__(name, value)
        else:
            setattr(self._orig_mod, name, value)

    def __delattr__(self, name: str) -> None:
        if name in vars(self) or hasattr(type(self), name):
            super().__delattr__(name)
        else:
            delattr(self._orig_mod, name)

    def __len__(self) -> int:
        if not hasattr(self._orig_mod, "__len__"):
            raise TypeError(f"{type(self._orig_mod).__name__} does not support len()")
        return len(self._orig_mod)  # type: ignore[arg-type]

    def __bool__(self) -> bool:
        return bool(self._orig_mod)

    def __dir__(self):
        return sorted({*super().__dir__(), *dir(self._orig_mod)})
