"""``torch._dynamo.config``: settings of a compiler that is not here. They can be set and read."""

automatic_dynamic_shapes = True
assume_static_by_default = True
cache_size_limit = recompile_limit = 8
accumulated_cache_size_limit = accumulated_recompile_limit = 256
capture_dynamic_output_shape_ops = capture_scalar_outputs = False
dynamic_shapes = True
optimize_ddp = True
suppress_errors = False
verbose = False
