"""``__version__`` is the PyTorch whose API is followed; ``jaxtorch`` this package's own version."""

from __future__ import annotations

__all__ = ["__version__", "cuda", "debug", "git_version", "hip", "jaxtorch"]

__version__ = "2.13.0"
jaxtorch = "0.1.0"
debug = False
cuda: str | None = None
hip: str | None = None
git_version = "none: jaxtorch follows PyTorch " + __version__
