"""``torch._C._linalg``: ``torch.linalg`` by the names that generated code calls it by."""

from __future__ import annotations


def __getattr__(name: str):
    from jaxtorch import linalg

    found = getattr(linalg, name.removeprefix("linalg_"), None)
    if found is None or not name.startswith("linalg_"):
        raise AttributeError(f"module 'torch._C._linalg' has no attribute '{name}'", name=name)
    return found
