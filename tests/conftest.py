"""Tests run on the CPU, as eight devices of it, on values whose ranks are as written."""

import os
import signal
from pathlib import Path

# A shell that runs the tests in the background has Ctrl-C ignored, and programs inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Before JAX is imported, and for the processes that tests start.
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
)
# A body that leaves it to jax.numpy what its operands' ranks become is an error.
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"
# One cache for all of pytest-xdist's workers, and for the next run.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parent.parent / ".pytest_cache" / "xla")
)
