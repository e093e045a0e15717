"""From constraints to the transforms that lead there from all real numbers.

``biject_to(constraint)`` gives a bijection with its Jacobian (for Hamiltonian Monte Carlo);
``transform_to(constraint)`` gives any cheap transform (for optimisers), which may have more
parameters than it needs.
"""

from __future__ import annotations

from jaxtorch.distributions import constraints, transforms
from jaxtorch.distributions.parameters import NUMBERS

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]


class ConstraintRegistry:
    """A table of classes of constraints, each with a function that makes the transform."""

    def __init__(self):
        self._registry = {}
        super().__init__()

    def register(self, constraint, factory=None):
        """Use ``factory(constraint)`` for constraints of this class (or of this one's); as a
        decorator without ``factory``."""
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        if isinstance(constraint, constraints.Constraint):
            constraint = type(constraint)
        if not isinstance(constraint, type) or not issubclass(constraint, constraints.Constraint):
            raise TypeError(
                "Expected constraint to be either a Constraint subclass or instance, but got "
                f"{constraint}"
            )
        self._registry[constraint] = factory
        return factory

    def __call__(self, constraint):
        factory = self._registry.get(type(constraint))
        if factory is None:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints")
        return factory(constraint)


biject_to = ConstraintRegistry()
transform_to = ConstraintRegistry()


def _register(factory, *kinds, registries=(biject_to, transform_to)) -> None:
    for registry in registries:
        for kind in kinds:
            registry.register(kind, factory)


def _shifted(bound, sign: int):
    return transforms.ComposeTransform(
        [transforms.ExpTransform(), transforms.AffineTransform(bound, sign)]
    )


def _to_interval(constraint):
    low, high = constraint.lower_bound, constraint.upper_bound
    numbers = isinstance(low, NUMBERS) and isinstance(high, NUMBERS)
    if numbers and (low, high) == (0, 1):
        return transforms.SigmoidTransform()
    affine = transforms.AffineTransform(low, high - low)
    return transforms.ComposeTransform([transforms.SigmoidTransform(), affine])


_register(lambda _: transforms.identity_transform, constraints.real)
_register(
    lambda c: _shifted(c.lower_bound, 1), constraints.greater_than, constraints.greater_than_eq
)
_register(lambda c: _shifted(c.upper_bound, -1), constraints.less_than)
_register(_to_interval, constraints.interval, constraints.half_open_interval)
_register(lambda _: transforms.CorrCholeskyTransform(), constraints.corr_cholesky)

biject_to.register(constraints.simplex, lambda _: transforms.StickBreakingTransform())
transform_to.register(constraints.simplex, lambda _: transforms.SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda _: transforms.LowerCholeskyTransform())
_register(
    lambda _: transforms.PositiveDefiniteTransform(), constraints.positive_definite,
    constraints.positive_semidefinite, registries=(transform_to,),
)  # fmt: skip


def _register_inner(registry) -> None:
    """Constraints made of others lead to transforms made of theirs."""

    @registry.register(constraints.independent)
    def to_independent(c):
        inner = registry(c.base_constraint)
        return transforms.IndependentTransform(inner, c.reinterpreted_batch_ndims)

    @registry.register(constraints.cat)
    def to_cat(c):
        return transforms.CatTransform([registry(x) for x in c.cseq], c.dim, c.lengths)

    @registry.register(constraints.stack)
    def to_stack(c):
        return transforms.StackTransform([registry(x) for x in c.cseq], c.dim)


for _registry in (biject_to, transform_to):
    _register_inner(_registry)
