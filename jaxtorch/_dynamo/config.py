"""``torch._dynamo.config``: settings of a compiler that is not here. The ones that programs touch
can be set and read, and change nothing; a name that is not among them raises AttributeError."""

import contextlib
import sys
from types import ModuleType

automatic_dynamic_shapes = assume_static_by_default = dynamic_shapes = True
cache_size_limit = recompile_limit = 8
accumulated_cache_size_limit = accumulated_recompile_limit = 256
allow_rnn = allow_unspec_int_on_nn_module = False
capture_dynamic_output_shape_ops = capture_scalar_outputs = False
capture_func_transforms = True
compiled_autograd = disable = False
enable_compiler_collectives = error_on_recompile = fail_on_recompile_limit_hit = False
force_parameter_static_shapes = force_nn_module_property_static_shapes = True
guard_nn_modules = inline_inbuilt_nn_modules = True
optimize_ddp = True
report_guard_failures = True
repro_after = None
repro_level = 2
skip_fsdp_guards = skip_nnmodule_hook_guards = True
specialize_float = specialize_int = False
suppress_errors = False
trace_numpy = True
verbose = False

_SETTINGS = frozenset(name for name, value in globals().items() if name[0] != "_")
_SETTINGS -= {"ModuleType", "contextlib", "sys"}


@contextlib.contextmanager
def patch(name: str | dict | None = None, value=None, /, **settings):
    """Set settings for a ``with`` block or a function: ``patch("verbose", True)``,
    ``patch(verbose=True)`` or ``patch({"verbose": True})``."""
    given = name if isinstance(name, dict) else settings if name is None else {name: value}
    module = sys.modules[__name__]
    before = {name: getattr(module, name) for name in given}
    for name, new in given.items():
        setattr(module, name, new)
    try:
        yield
    finally:
        for name, old in before.items():
            setattr(module, name, old)


class _Config(ModuleType):
    def __getattr__(self, name: str):
        raise AttributeError(f"torch._dynamo.config.{name} does not exist", name=name, obj=self)

    def __setattr__(self, name: str, value) -> None:
        if name not in _SETTINGS and name[0] != "_":
            self.__getattr__(name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Config
