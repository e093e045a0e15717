"""``torch._C._special``: ``torch.special`` by the names that generated code calls it by."""

from __future__ import annotations


def __getattr__(name: str):
    from jaxtorch import special

    found = getattr(special, name.removeprefix("special_"), None)
    if found is None or not name.startswith("special_"):
        raise AttributeError(f"module 'torch._C._special' has no attribute '{name}'", name=name)
    return found
