"""einops on Tensors: ``import jaxtorch.interop.einops``, once, and its functions take them.

A program that says ``import torch`` (``python -m jaxtorch``, ``jaxtorch.install()``) needs none of
this: einops finds its own torch, layers included.
"""

from __future__ import annotations

from einops import _backends


class JaxtorchBackend(_backends.TorchBackend):
    """einops' own torch backend, with jaxtorch in torch's place; einops looks for subclasses."""

    framework_name = "jaxtorch"

    def __init__(self):
        import jaxtorch

        self.torch = jaxtorch

    def layers(self):
        raise NotImplementedError(
            "einops.layers.torch imports torch: run the program with `python -m jaxtorch`"
        )
