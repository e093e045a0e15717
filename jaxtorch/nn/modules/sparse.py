"""Embedding and EmbeddingBag: rows of a table by index."""

from __future__ import annotations

from jaxtorch.autograd import no_grad
from jaxtorch.nn import functional as F, init
from jaxtorch.nn.modules.module import Module
from jaxtorch.nn.parameter import Parameter, blank
from jaxtorch.tensor import Tensor

__all__ = ["Embedding", "EmbeddingBag"]


class _Table(Module):
    """The table of an embedding: weight (num_embeddings, embedding_dim)."""

    def _set_table(self, rows, columns, padding_idx, weight, freeze, device, dtype) -> None:
        self.num_embeddings = rows
        self.embedding_dim = columns
        if padding_idx is not None:
            if not -rows <= padding_idx < max(rows, 1):
                raise AssertionError("Padding_idx must be within num_embeddings")
            padding_idx %= max(rows, 1)
        self.padding_idx = padding_idx
        if weight is None:
            self.weight = blank((rows, columns), device, dtype)
            self.weight.requires_grad = not freeze
            self.reset_parameters()
        else:
            if list(weight.shape) != [rows, columns]:
                raise AssertionError(
                    "Shape of weight does not match num_embeddings and embedding_dim"
                )
            self.weight = Parameter(weight, requires_grad=not freeze)

    def reset_parameters(self) -> None:
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, *args, **kwargs):
        """An embedding of this very table (rows, columns); the other arguments are the class's
        own."""
        if embeddings.dim() != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        rows, columns = embeddings.shape
        layer = cls(rows, columns, *args, _weight=embeddings, **kwargs)
        layer.weight.requires_grad = not freeze
        return layer


class Embedding(_Table):
    """Indices of shape (\\*) to rows of shape (\\*, embedding_dim).

    The row at ``padding_idx`` starts at zero and gets no gradient. With ``max_norm`` the rows that
    are looked up are first scaled down, in place, to that ``norm_type``-norm.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        self._set_table(num_embeddings, embedding_dim, padding_idx, _weight, _freeze, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type,
            self.scale_grad_by_freq, self.sparse,
        )  # fmt: skip

    def extra_repr(self) -> str:
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        parts += [f"padding_idx={self.padding_idx}"] * (self.padding_idx is not None)
        parts += [f"max_norm={self.max_norm}"] * (self.max_norm is not None)
        parts += [f"norm_type={self.norm_type}"] * (self.norm_type != 2)
        parts += [f"scale_grad_by_freq={self.scale_grad_by_freq}"] * bool(self.scale_grad_by_freq)
        parts += ["sparse=True"] * bool(self.sparse)
        return ", ".join(parts)


class EmbeddingBag(_Table):
    """The sum, mean or maximum of the rows of each bag of indices."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset
        self._set_table(num_embeddings, embedding_dim, padding_idx, _weight, False, device, dtype)

    def forward(
        self,
        input: Tensor,
        offsets: Tensor | None = None,
        per_sample_weights: Tensor | None = None,
    ) -> Tensor:
        return F.embedding_bag(
            input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq,
            self.mode, self.sparse, per_sample_weights, self.include_last_offset, self.padding_idx,
        )  # fmt: skip

    def extra_repr(self) -> str:
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        parts += [f"max_norm={self.max_norm!r}"] * (self.max_norm is not None)
        parts += [f"norm_type={self.norm_type!r}"] * (self.norm_type != 2)
        parts += [f"scale_grad_by_freq={self.scale_grad_by_freq!r}"] * bool(self.scale_grad_by_freq)
        parts += [f"mode={self.mode!r}"]
        parts += [f"padding_idx={self.padding_idx!r}"] * (self.padding_idx is not None)
        return ", ".join(parts)
