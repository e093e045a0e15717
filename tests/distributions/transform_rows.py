"""Every transform and constraint, asked in words that both libraries know."""

from __future__ import annotations

import numpy as np

_X = np.array([[-1.5, 0.3, 0.9], [2.0, -0.4, 0.1]])
_POSITIVE = np.exp(_X)
_SQUARES = np.stack([_X[:, :2], _X[:, 1:]])

# name: (made of the library's module and a maker of its tensors, where)
TRANSFORMS = {
    "Abs": (lambda D, t: D.AbsTransform(), _X),
    "Affine": (lambda D, t: D.AffineTransform(1.0, -2.0), _X),
    "Affine of vectors": (
        lambda D, t: D.AffineTransform(0.5, t([2.0, -1.0, 3.0]), event_dim=1), _X
    ),
    "Cat": (lambda D, t: D.CatTransform([D.ExpTransform(), D.TanhTransform()], -1, [1, 2]), _X),
    "Compose": (
        lambda D, t: D.ComposeTransform([D.AffineTransform(0.1, 0.5), D.StickBreakingTransform()]),
        _X,
    ),
    "CorrCholesky": (lambda D, t: D.CorrCholeskyTransform(), _X),
    "CumulativeDistribution": (
        lambda D, t: D.CumulativeDistributionTransform(D.Normal(t(0.5), t(2.0))), _X
    ),
    "Exp": (lambda D, t: D.ExpTransform(), _X),
    "Exp inverse": (lambda D, t: D.ExpTransform().inv, _POSITIVE),
    "Independent": (lambda D, t: D.IndependentTransform(D.ExpTransform(), 1), _X),
    "LowerCholesky": (lambda D, t: D.LowerCholeskyTransform(), _SQUARES),
    "PositiveDefinite": (lambda D, t: D.PositiveDefiniteTransform(), _SQUARES),
    "Power": (lambda D, t: D.PowerTransform(t([2.0, -0.5, 1.5])), _POSITIVE),
    "Reshape": (lambda D, t: D.ReshapeTransform((3,), (3, 1)), _X),
    "Sigmoid": (lambda D, t: D.SigmoidTransform(), _X),
    "Softmax": (lambda D, t: D.SoftmaxTransform(), _X),
    "Softplus": (lambda D, t: D.SoftplusTransform(), _X),
    "Stack": (lambda D, t: D.StackTransform([D.ExpTransform(), D.SigmoidTransform()], 0), _X),
    "StickBreaking": (lambda D, t: D.StickBreakingTransform(), _X),
    "Tanh": (lambda D, t: D.TanhTransform(), _X),
}  # fmt: skip

_TRIANGLE = np.array([[1.0, 0.0], [0.6, 0.8]])
_VALUES = {
    "numbers": np.array([-1.0, 0.0, 0.5, 1.0, 2.0, np.inf, np.nan]),
    "vectors": np.array([[0.2, 0.8], [0.0, 1.0], [1.0, 1.0], [-0.2, 1.2], [3.0, 2.0]]),
    "matrices": np.stack([np.eye(2), _TRIANGLE, _TRIANGLE @ _TRIANGLE.T, -np.eye(2), 0 * np.eye(2),
                          np.array([[1.0, 2.0], [2.0, 1.0]])]),
    # (of a batch with an asymmetric matrix PyTorch says of the others that they were definite)
    "symmetric": np.stack([np.eye(2), _TRIANGLE @ _TRIANGLE.T, -np.eye(2), 0 * np.eye(2)]),
}  # fmt: skip
CONSTRAINTS = {
    "boolean": ("numbers", lambda c: c.boolean),
    "nonnegative_integer": ("numbers", lambda c: c.nonnegative_integer),
    "positive_integer": ("numbers", lambda c: c.positive_integer),
    "integer_interval": ("numbers", lambda c: c.integer_interval(0, 1)),
    "real": ("numbers", lambda c: c.real),
    "positive": ("numbers", lambda c: c.positive),
    "nonnegative": ("numbers", lambda c: c.nonnegative),
    "greater_than": ("numbers", lambda c: c.greater_than(0.5)),
    "less_than": ("numbers", lambda c: c.less_than(0.5)),
    "unit_interval": ("numbers", lambda c: c.unit_interval),
    "half_open_interval": ("numbers", lambda c: c.half_open_interval(0, 1)),
    "one_hot": ("vectors", lambda c: c.one_hot),
    "simplex": ("vectors", lambda c: c.simplex),
    "multinomial": ("vectors", lambda c: c.multinomial(2)),
    "real_vector": ("vectors", lambda c: c.real_vector),
    "cat": ("vectors", lambda c: c.cat([c.positive, c.boolean], -1, [1, 1])),
    "stack": ("vectors", lambda c: c.stack([c.positive, c.boolean], -1)),
    "lower_triangular": ("matrices", lambda c: c.lower_triangular),
    "lower_cholesky": ("matrices", lambda c: c.lower_cholesky),
    "corr_cholesky": ("matrices", lambda c: c.corr_cholesky),
    "square": ("matrices", lambda c: c.square),
    "symmetric": ("matrices", lambda c: c.symmetric),
    "positive_definite": ("symmetric", lambda c: c.positive_definite),
    "positive_semidefinite": ("symmetric", lambda c: c.positive_semidefinite),
}


def transformed(torch, name: str) -> list:
    """[y, the way back, the Jacobian or nothing, what is in the codomain, the shape of x's y]."""
    make, points = TRANSFORMS[name]
    x = torch.tensor(points)
    transform = make(torch.distributions, lambda v: torch.tensor(v, dtype=torch.float64))
    y = transform(x)
    try:
        jacobian = transform.log_abs_det_jacobian(x, y).numpy()
    except NotImplementedError:
        jacobian = np.zeros(0)
    inside = transform.codomain.check(y).numpy()
    shape = np.array(transform.forward_shape(x.shape))
    return [y.numpy(), transform.inv(y).numpy(), jacobian, inside, shape]


def checked(torch, name: str) -> list:
    """[repr, event_dim, is_discrete, where it holds]."""
    kind, make = CONSTRAINTS[name]
    constraint = make(torch.distributions.constraints)
    holds = constraint.check(torch.tensor(_VALUES[kind])).tolist()
    return [repr(constraint), constraint.event_dim, constraint.is_discrete, holds]
