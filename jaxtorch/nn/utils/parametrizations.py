"""torch.nn.utils.parametrizations: weights of unit norm, of unit spectral norm, orthogonal ones."""

from __future__ import annotations

from enum import Enum, auto

from jaxtorch import _functions as functions, dtypes, linalg
from jaxtorch.autograd import no_grad
from jaxtorch.nn import functional as F
from jaxtorch.nn.modules.module import Module
from jaxtorch.nn.utils.parametrize import register_parametrization
from jaxtorch.nn.utils.spectral_norm import output_dim, rows_along, unit_vector
from jaxtorch.nn.utils.weight_norm import norm_except_dim, weight_of
from jaxtorch.ops import blas, creation, sampling, shaping
from jaxtorch.tensor import Tensor

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def _tensor_of(module: Module, name: str) -> Tensor:
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


# ---------------------------------------------------------------------------------------------
# Orthogonal


def _is_orthogonal(q: Tensor) -> bool:
    eps = 10.0 * q.size(-2) * dtypes.finfo(q.dtype).eps
    identity = creation.eye(q.size(-1), dtype=q.dtype, device=q.device)
    return (q.mH @ q).allclose(identity, atol=eps)


def _make_orthogonal(a: Tensor) -> Tensor:
    """The Q of A = QR whose R has a positive diagonal."""
    packed, tau = functions.geqrf(a)
    q = linalg.householder_product(packed, tau)
    return q * packed.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


class _OrthMaps(Enum):
    matrix_exp = auto()
    cayley = auto()
    householder = auto()


class _Orthogonal(Module):
    """A matrix of independent numbers to an orthogonal one (arXiv:1909.09501)."""

    base: Tensor

    def __init__(self, weight: Tensor, orthogonal_map: _OrthMaps, *, use_trivialization=True):
        super().__init__()
        if weight.is_complex() and orthogonal_map is _OrthMaps.householder:
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x: Tensor) -> Tensor:
        transposed = x.size(-2) < x.size(-1)
        x = x.mT if transposed else x
        n, k = x.size(-2), x.size(-1)
        if self.orthogonal_map is _OrthMaps.householder:
            a = x.tril(diagonal=-1)
            tau = 2.0 / (1.0 + (a * a).sum(dim=-2))
            q = linalg.householder_product(a, tau)
            # The diagonal holds signs, which carry no gradient.
            q = q * x.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)
        else:
            q = self._from_skew(x.tril(), n, k)
        if hasattr(self, "base"):
            q = self.base @ q
        return q.mT if transposed else q

    def _from_skew(self, x: Tensor, n: int, k: int) -> Tensor:
        if n != k:
            x = shaping.cat([x, x.new_zeros((*x.shape[:-1], n - k))], dim=-1)
        a = x - x.mH
        if self.orthogonal_map is _OrthMaps.matrix_exp:
            q = functions.matrix_exp(a)
        else:
            identity = creation.eye(n, dtype=a.dtype, device=a.device)
            q = linalg.solve(identity - a * 0.5, identity + a * 0.5)
        return q[..., :k] if n != k else q

    @no_grad()
    def right_inverse(self, q: Tensor) -> Tensor:
        if q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. "
                f"Got a tensor of shape {q.shape}."
            )
        given = q
        transposed = q.size(-2) < q.size(-1)
        q = q.mT if transposed else q
        n, k = q.size(-2), q.size(-1)
        if not hasattr(self, "base"):
            return self._packed(q, transposed)
        if n != k:
            noise = sampling.randn(*q.shape[:-2], n, n - k, dtype=q.dtype, device=q.device)
            self.base = _make_orthogonal(shaping.cat([q, noise], dim=-1))
        else:
            self.base = q.clone() if _is_orthogonal(q) else _make_orthogonal(q)
        # The map takes minus one on the diagonal, alike for all three, to the base itself.
        start = creation.zeros_like(given)
        start.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        return start

    def _packed(self, q: Tensor, transposed: bool) -> Tensor:
        if self.orthogonal_map is not _OrthMaps.householder:
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley "
                "parametrizations when use_trivialization=False."
            )
        a, tau = functions.geqrf(q)
        diagonal = a.diagonal(dim1=-2, dim2=-1)
        diagonal.sign_()
        diagonal[tau == 0.0] *= -1
        return a.mT if transposed else a


def orthogonal(
    module: Module, name: str = "weight", orthogonal_map: str | None = None, *,
    use_trivialization: bool = True,
) -> Module:  # fmt: skip
    """Keep a matrix (or batch of them) orthogonal or unitary: rows or columns, the shorter ones.

    ``orthogonal_map`` is matrix_exp (the default for square and complex ones), cayley or
    householder. With ``use_trivialization`` any orthogonal matrix may be assigned.
    """
    weight = _tensor_of(module, name)
    if weight.ndim < 2:
        raise ValueError(
            f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions."
        )
    if orthogonal_map is None:
        square = weight.size(-2) == weight.size(-1)
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    chosen = getattr(_OrthMaps, orthogonal_map, None)
    if chosen is None:
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". '
            f"Got: {orthogonal_map}"
        )
    made = _Orthogonal(weight, chosen, use_trivialization=use_trivialization)
    return register_parametrization(module, name, made, unsafe=True)


# ---------------------------------------------------------------------------------------------
# Weight norm


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_of(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except_dim(weight, 2, self.dim), weight


class _OldNames:
    """Lets a state dict of the older ``weight_norm`` in: ``weight_g`` and ``weight_v``."""

    def __init__(self, name: str):
        self.name = name

    def __call__(self, state_dict, prefix, *_) -> None:
        old = [f"{prefix}{self.name}_{part}" for part in "gv"]
        if all(key in state_dict for key in old):
            for i, key in enumerate(old):
                new = f"{prefix}parametrizations.{self.name}.original{i}"
                state_dict[new] = state_dict.pop(key)


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """A weight as a length (``original0``) times a direction (``original1``), arXiv:1602.07868;
    lengths along ``dim``, or one for the whole tensor with None."""
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    module._register_load_state_dict_pre_hook(_OldNames(name))
    return module


# ---------------------------------------------------------------------------------------------
# Spectral norm


class _SpectralNorm(Module):
    def __init__(
        self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        super().__init__()
        ndim = weight.ndim
        if not -ndim <= dim < ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got "
                f"{dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but "
                f"got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim if dim >= 0 else dim + ndim
        self.eps = eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = rows_along(weight, self.dim)
            u, v = (unit_vector(matrix, size, eps) for size in matrix.shape)
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)
            self._power_method(matrix, 15)

    @no_grad()
    def _power_method(self, matrix: Tensor, n_power_iterations: int) -> None:
        u, v = self._u, self._v
        for _ in range(n_power_iterations):
            u.copy_(F.normalize(blas.mv(matrix, v), dim=0, eps=self.eps))
            v.copy_(F.normalize(blas.mv(matrix.H, u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = rows_along(weight, self.dim)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()
        return weight / blas.vdot(u, blas.mv(matrix, v))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value  # it may be of another norm; the next look at it divides that out


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
    dim: int | None = None,
) -> Module:  # fmt: skip
    """A weight over its greatest singular value, which each forward in training follows by power
    iterations (arXiv:1802.05957); ``dim`` is the one that counts outputs."""
    weight = _tensor_of(module, name)
    dim = output_dim(module) if dim is None else dim
    made = _SpectralNorm(weight, n_power_iterations, dim, eps)
    return register_parametrization(module, name, made)
