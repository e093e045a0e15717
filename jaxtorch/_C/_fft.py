"""``torch._C._fft``: ``torch.fft`` by the names that generated code calls it by."""

from __future__ import annotations


def __getattr__(name: str):
    from jaxtorch import fft

    found = getattr(fft, name.removeprefix("fft_"), None)
    if found is None or not name.startswith("fft_"):
        raise AttributeError(f"module 'torch._C._fft' has no attribute '{name}'", name=name)
    return found
