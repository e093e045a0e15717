"""``torch.layout`` and ``torch.memory_format``: names that programs pass on.

XLA lays arrays out as suits each program, so no memory format changes anything; every tensor is
``torch.strided``. The names of sparse layouts exist to be compared with.
"""

from __future__ import annotations

__all__ = [
    "channels_last", "channels_last_3d", "contiguous_format", "jagged", "layout", "memory_format",
    "preserve_format", "sparse_bsc", "sparse_bsr", "sparse_coo", "sparse_csc", "sparse_csr",
    "strided",
]  # fmt: skip


class _Name:
    """One object each, compared by identity and pickled by name."""

    __slots__ = ("name",)
    _known: dict[str, _Name]

    def __init_subclass__(cls):
        cls._known = {}

    def __new__(cls, name: str):
        self = cls._known.get(name)
        if self is None:
            self = cls._known[name] = object.__new__(cls)
            self.name = name
        return self

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self):
        return type(self), (self.name,)


class layout(_Name):
    """How a tensor's elements lie in memory."""


class memory_format(_Name):
    """In which order the dimensions of a dense tensor lie in memory."""


strided = layout("strided")
sparse_coo = layout("sparse_coo")
sparse_csr = layout("sparse_csr")
sparse_csc = layout("sparse_csc")
sparse_bsr = layout("sparse_bsr")
sparse_bsc = layout("sparse_bsc")
jagged = layout("jagged")

contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
