"""``torch.__config__``: what this is built on."""

from __future__ import annotations

import importlib.metadata

from jaxtorch import version

__all__ = ["parallel_info", "show"]


def show() -> str:
    """The versions of jaxtorch and of what computes for it, a line each."""
    lines = [f"jaxtorch {version.jaxtorch}, with the API of PyTorch {version.__version__}"]
    for package in ("jax", "jaxlib", "flax", "optax", "numpy"):
        lines.append(f"  - {package} {importlib.metadata.version(package)}")
    return "\n".join(lines) + "\n"


def parallel_info() -> str:
    """How many threads XLA has."""
    from jaxtorch import settings

    return f"XLA on the CPU: {settings.get_num_threads()} threads\n"
