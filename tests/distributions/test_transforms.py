"""Transforms and constraints beside real PyTorch's answers, and their own laws."""

import numpy as np
import pytest

import jaxtorch as torch
from jaxtorch.distributions import biject_to, constraints, transform_to, transforms as T
from tests import stored
from tests.distributions.transform_rows import CONSTRAINTS, TRANSFORMS, checked, transformed
from tests.reference.make_distributions import REFERENCE


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_transform_is_torchs(name):
    expected = stored.load(REFERENCE, "transforms")[name]
    for mine, theirs in zip(transformed(torch, name), expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_a_constraint_holds_where_torchs_does(name):
    expected = stored.load(REFERENCE, "transforms")["constraint " + name]
    assert checked(torch, name) == expected


def test_registries():
    assert repr(transform_to(constraints.unit_interval)) == "SigmoidTransform()"
    assert isinstance(biject_to(constraints.simplex), T.StickBreakingTransform)
    assert isinstance(transform_to(constraints.simplex), T.SoftmaxTransform)
    inner = transform_to(constraints.independent(constraints.real, 2))
    assert isinstance(inner, T.IndependentTransform) and inner.event_dim == 2
    with pytest.raises(NotImplementedError, match="Cannot transform _OneHot constraints"):
        biject_to(constraints.one_hot)
    with pytest.raises(TypeError, match="Constraint subclass or instance"):
        biject_to.register(3, T.ExpTransform)

    class Even(constraints.Constraint):
        pass

    @transform_to.register(Even)
    def to_even(constraint):
        return T.AffineTransform(0, 2)

    assert transform_to(Even())(torch.tensor(3.0)) == 6


def test_equality_and_caches():
    assert T.ExpTransform() == T.ExpTransform() != T.TanhTransform()
    assert T.AffineTransform(0, torch.ones(2)) == T.AffineTransform(0, torch.ones(2))
    assert T.AffineTransform(0, 1) != T.AffineTransform(0, 2)
    assert T.ExpTransform().inv.inv == T.ExpTransform()
    x = torch.tensor([30.0])
    assert T.TanhTransform().inv(T.TanhTransform()(x)).isinf()
    cached = T.TanhTransform(cache_size=1)
    assert cached.inv(cached(x)) is x
    assert T.AffineTransform(1, 2).with_cache()._cache_size == 1
    with pytest.raises(ValueError, match="cache_size must be 0 or 1"):
        T.ExpTransform(cache_size=2)


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="different numbers of elements"):
        T.ReshapeTransform((2, 3), (5,))
    with pytest.raises(ValueError, match="Shape mismatch"):
        T.ReshapeTransform((2, 3), (6,)).forward_shape((3, 2))
    with pytest.raises(ValueError, match="not a flattened lower-diagonal"):
        T.CorrCholeskyTransform().forward_shape((4,))
    with pytest.raises(ValueError, match="Too few dimensions"):
        T.StickBreakingTransform().forward_shape(())
    with pytest.raises(AssertionError, match="must match transforms"):
        T.CatTransform([T.ExpTransform()], lengths=[1, 2])


def test_dependent_constraints_say_what_they_know():
    assert constraints.is_dependent(torch.distributions.Uniform.support)
    assert torch.distributions.Categorical.support.is_discrete
    with pytest.raises(NotImplementedError, match="cannot be determined statically"):
        _ = torch.distributions.Independent.support.event_dim
    with pytest.raises(ValueError, match="Cannot determine validity"):
        constraints.dependent.check(torch.zeros(2))
    assert constraints.dependent(event_dim=1).event_dim == 1
