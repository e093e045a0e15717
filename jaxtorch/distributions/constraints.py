"""Constraints: the regions that parameters and values of distributions lie in.

``check(value)`` says for each event whether it lies within: a bool tensor without the last
``event_dim`` dimensions.
"""

from __future__ import annotations

from jaxtorch.dtypes import bool as torch_bool, finfo
from jaxtorch.linalg import cholesky_ex, eigvalsh, vector_norm
from jaxtorch.ops.comparison import isclose
from jaxtorch.ops.creation import full
from jaxtorch.ops.shaping import cat as cat_tensors, stack as stack_tensors

__all__ = [
    "Constraint", "boolean", "cat", "corr_cholesky", "dependent", "dependent_property",
    "greater_than", "greater_than_eq", "half_open_interval", "independent", "integer_interval",
    "interval", "is_dependent", "less_than", "lower_cholesky", "lower_triangular",
    "MixtureSameFamilyConstraint", "multinomial", "nonnegative", "nonnegative_integer", "one_hot",
    "positive", "positive_definite", "positive_integer", "positive_semidefinite", "real",
    "real_vector", "simplex", "square", "stack", "symmetric", "unit_interval",
]  # fmt: skip


class Constraint:
    """A region; ``is_discrete`` if it is of separate points, events of ``event_dim`` dimensions."""

    is_discrete = False
    event_dim = 0
    _shown: tuple = ()  # the attributes that repr shows

    def check(self, value):
        raise NotImplementedError

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)}" for name in self._shown)
        return f"{type(self).__name__.lstrip('_')}({shown})"


# --- what depends on other variables ------------------------------------------------------------


class _Dependent(Constraint):
    """A region that depends on other variables: it cannot be checked as it stands."""

    def __init__(self, *, is_discrete=NotImplemented, event_dim=NotImplemented):
        self._is_discrete, self._event_dim = is_discrete, event_dim
        super().__init__()

    @property
    def is_discrete(self) -> bool:
        return self._known("is_discrete")

    @property
    def event_dim(self) -> int:
        return self._known("event_dim")

    def _known(self, name: str):
        value = getattr(self, "_" + name)
        if value is NotImplemented:
            raise NotImplementedError(f".{name} cannot be determined statically")
        return value

    def __call__(self, *, is_discrete=NotImplemented, event_dim=NotImplemented):
        """The same with what is now known of it."""
        return _Dependent(
            is_discrete=self._is_discrete if is_discrete is NotImplemented else is_discrete,
            event_dim=self._event_dim if event_dim is NotImplemented else event_dim,
        )

    def check(self, value):
        raise ValueError("Cannot determine validity of dependent constraint")


def is_dependent(constraint) -> bool:
    """Whether only an instance of the distribution knows the region."""
    return isinstance(constraint, _Dependent)


class _DependentProperty(property, _Dependent):
    """A property of instances that the class answers with a dependent constraint."""

    def __init__(self, fn=None, *, is_discrete=NotImplemented, event_dim=NotImplemented):
        property.__init__(self, fn)
        self._is_discrete, self._event_dim = is_discrete, event_dim

    def __call__(self, fn):
        return _DependentProperty(fn, is_discrete=self._is_discrete, event_dim=self._event_dim)


# --- of other constraints -----------------------------------------------------------------------


def _constraint(base, name: str = "base_constraint"):
    if not isinstance(base, Constraint):
        raise AssertionError(f"{name} must be a Constraint, got {type(base).__name__}")
    return base


class _Around(Constraint):
    """A constraint made of ``base_constraint``."""

    base_constraint: Constraint

    @property
    def is_discrete(self) -> bool:
        return self.base_constraint.is_discrete

    @property
    def event_dim(self) -> int:
        return self.base_constraint.event_dim


class _IndependentConstraint(_Around):
    """Holds where ``base_constraint`` holds along the last ``reinterpreted_batch_ndims``."""

    def __init__(self, base_constraint, reinterpreted_batch_ndims: int):
        self.base_constraint = _constraint(base_constraint)
        ndims = reinterpreted_batch_ndims
        if not isinstance(ndims, int) or ndims < 0:
            raise AssertionError(f"reinterpreted_batch_ndims must be an int >= 0, got {ndims}")
        self.reinterpreted_batch_ndims = ndims
        super().__init__()

    @property
    def event_dim(self) -> int:
        return self.base_constraint.event_dim + self.reinterpreted_batch_ndims

    def check(self, value):
        return _all_but(self.base_constraint.check(value), self.reinterpreted_batch_ndims,
                        self.event_dim, value)  # fmt: skip

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__[1:]}({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"
        )


def _all_but(found, ndims: int, wanted: int, value):
    """Whether a check holds along its last ``ndims`` dimensions."""
    if found.dim() < ndims:
        raise ValueError(f"Expected value.dim() >= {wanted} but got {value.dim()}")
    return found.reshape(found.shape[: found.dim() - ndims] + (-1,)).all(-1)


class MixtureSameFamilyConstraint(_Around):
    """``base_constraint`` of every component, for a value that has no dimension of components."""

    def __init__(self, base_constraint):
        self.base_constraint = _constraint(base_constraint)
        super().__init__()

    def check(self, value):
        found = self.base_constraint.check(value.unsqueeze(-1 - self.event_dim))
        if value.dim() < self.event_dim:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.dim()}")
        kept = found.shape[: value.dim() - self.event_dim]
        return found.reshape(kept + (-1,)).all(-1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_constraint!r})"


class _Sequence(Constraint):
    """One constraint a slice along ``dim``."""

    def __init__(self, cseq, dim: int = 0):
        self.cseq = [_constraint(c, "All elements of cseq") for c in cseq]
        self.dim = dim
        super().__init__()

    @property
    def is_discrete(self) -> bool:
        return any(c.is_discrete for c in self.cseq)

    @property
    def event_dim(self) -> int:
        return max(c.event_dim for c in self.cseq)

    def _check_dim(self, value) -> None:
        if not -value.dim() <= self.dim < value.dim():
            raise AssertionError(
                f"dim {self.dim} out of range for value with {value.dim()} dimensions"
            )


class _Cat(_Sequence):
    """``cseq`` for slices of ``lengths`` along ``dim``, as ``torch.cat`` joins them."""

    def __init__(self, cseq, dim: int = 0, lengths=None):
        super().__init__(cseq, dim)
        self.lengths = [1] * len(self.cseq) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.cseq):
            raise AssertionError(
                f"lengths ({len(self.lengths)}) must match cseq ({len(self.cseq)})"
            )

    def check(self, value):
        self._check_dim(value)
        parts = value.split(self.lengths, self.dim)
        checks = [c.check(part) for c, part in zip(self.cseq, parts, strict=True)]
        return cat_tensors(checks, self.dim)


class _Stack(_Sequence):
    """``cseq`` for the slices along ``dim``, as ``torch.stack`` joins them."""

    @property
    def event_dim(self) -> int:
        dims = max(c.event_dim for c in self.cseq)
        return dims + 1 if self.dim + dims < 0 else dims

    def check(self, value):
        self._check_dim(value)
        parts = value.unbind(self.dim)
        checks = [c.check(part) for c, part in zip(self.cseq, parts, strict=True)]
        return stack_tensors(checks, self.dim)


# --- points -------------------------------------------------------------------------------------


class _Boolean(Constraint):
    """0 or 1."""

    is_discrete = True

    def check(self, value):
        return (value == 0) | (value == 1)


class _OneHot(Constraint):
    """Vectors of one 1 among 0s."""

    is_discrete = True
    event_dim = 1

    def check(self, value):
        return ((value == 0) | (value == 1)).all(-1) & (value.sum(-1) == 1)


class _IntegerInterval(Constraint):
    """Integers from ``lower_bound`` to ``upper_bound``, both included."""

    is_discrete = True
    _shown = ("lower_bound", "upper_bound")

    def __init__(self, lower_bound, upper_bound):
        self.lower_bound, self.upper_bound = lower_bound, upper_bound
        super().__init__()

    def check(self, value):
        return (value % 1 == 0) & (self.lower_bound <= value) & (value <= self.upper_bound)


class _IntegerLessThan(Constraint):
    """Integers up to ``upper_bound``."""

    is_discrete = True
    _shown = ("upper_bound",)

    def __init__(self, upper_bound):
        self.upper_bound = upper_bound
        super().__init__()

    def check(self, value):
        return (value % 1 == 0) & (value <= self.upper_bound)


class _IntegerGreaterThan(Constraint):
    """Integers from ``lower_bound`` on."""

    is_discrete = True
    _shown = ("lower_bound",)

    def __init__(self, lower_bound):
        self.lower_bound = lower_bound
        super().__init__()

    def check(self, value):
        return (value % 1 == 0) & (value >= self.lower_bound)


class _Multinomial(Constraint):
    """Vectors of counts that sum to at most ``upper_bound``."""

    is_discrete = True
    event_dim = 1

    def __init__(self, upper_bound):
        self.upper_bound = upper_bound

    def check(self, value):
        return (value >= 0).all(-1) & (value.sum(-1) <= self.upper_bound)


# --- numbers ------------------------------------------------------------------------------------


class _Real(Constraint):
    """All numbers, but NaN."""

    def check(self, value):
        return value == value


class _Below(Constraint):
    """Numbers on one side of ``upper_bound``."""

    _shown = ("upper_bound",)

    def __init__(self, upper_bound):
        self.upper_bound = upper_bound
        super().__init__()


class _LessThan(_Below):
    def check(self, value):
        return value < self.upper_bound


class _Above(Constraint):
    """Numbers on one side of ``lower_bound``."""

    _shown = ("lower_bound",)

    def __init__(self, lower_bound):
        self.lower_bound = lower_bound
        super().__init__()


class _GreaterThan(_Above):
    def check(self, value):
        return value > self.lower_bound


class _GreaterThanEq(_Above):
    def check(self, value):
        return value >= self.lower_bound


class _Interval(Constraint):
    """Numbers from ``lower_bound`` to ``upper_bound``, both included."""

    _shown = ("lower_bound", "upper_bound")

    def __init__(self, lower_bound, upper_bound):
        self.lower_bound, self.upper_bound = lower_bound, upper_bound
        super().__init__()

    def check(self, value):
        return (value >= self.lower_bound) & (value <= self.upper_bound)


class _HalfOpenInterval(_Interval):
    """Numbers from ``lower_bound`` on, below ``upper_bound``."""

    def check(self, value):
        return (value >= self.lower_bound) & (value < self.upper_bound)


# --- vectors and matrices -----------------------------------------------------------------------


class _Simplex(Constraint):
    """Vectors of probabilities: none negative, their sum 1."""

    event_dim = 1

    def check(self, value):
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)


class _LowerTriangular(Constraint):
    """Matrices with zeros above the diagonal."""

    event_dim = 2

    def check(self, value):
        return (value.tril() == value).all(-1).all(-1)


class _LowerCholesky(_LowerTriangular):
    """Lower triangular matrices with a positive diagonal."""

    def check(self, value):
        return super().check(value) & (value.diagonal(0, -2, -1) > 0).all(-1)


class _CorrCholesky(_LowerCholesky):
    """Cholesky factors of correlation matrices: each row is of length 1."""

    def check(self, value):
        allowed = finfo(value.dtype).eps * value.size(-1) * 10
        lengths = vector_norm(value.detach(), dim=-1)
        return super().check(value) & ((lengths - 1).abs() <= allowed).all(-1)


class _Square(Constraint):
    """Square matrices."""

    event_dim = 2

    def check(self, value):
        square = value.shape[-2] == value.shape[-1]
        return full(value.shape[:-2], square, dtype=torch_bool, device=value.device)


class _Symmetric(_Square):
    """Square matrices that equal their transpose."""

    def check(self, value):
        if value.shape[-2] != value.shape[-1]:
            return super().check(value)
        return isclose(value, value.mT, atol=1e-6).all(-1).all(-1)


class _PositiveSemidefinite(_Symmetric):
    """Symmetric matrices without a negative eigenvalue."""

    def check(self, value):
        if value.shape[-2] != value.shape[-1]:
            return super().check(value)
        return super().check(value) & (eigvalsh(value) >= 0).all(-1)


class _PositiveDefinite(_Symmetric):
    """Symmetric matrices with positive eigenvalues only."""

    def check(self, value):
        if value.shape[-2] != value.shape[-1]:
            return super().check(value)
        return super().check(value) & (cholesky_ex(value).info == 0)


# --- the names that users know ------------------------------------------------------------------

dependent = _Dependent()
dependent_property = _DependentProperty
independent = _IndependentConstraint
boolean = _Boolean()
one_hot = _OneHot()
nonnegative_integer = _IntegerGreaterThan(0)
positive_integer = _IntegerGreaterThan(1)
integer_interval = _IntegerInterval
real = _Real()
real_vector = independent(real, 1)
positive = _GreaterThan(0.0)
nonnegative = _GreaterThanEq(0.0)
greater_than = _GreaterThan
greater_than_eq = _GreaterThanEq
less_than = _LessThan
multinomial = _Multinomial
unit_interval = _Interval(0.0, 1.0)
interval = _Interval
half_open_interval = _HalfOpenInterval
simplex = _Simplex()
lower_triangular = _LowerTriangular()
lower_cholesky = _LowerCholesky()
corr_cholesky = _CorrCholesky()
square = _Square()
symmetric = _Symmetric()
positive_semidefinite = _PositiveSemidefinite()
positive_definite = _PositiveDefinite()
cat = _Cat
stack = _Stack
