"""Distribution: what all of them do alike."""

from __future__ import annotations

import warnings

from jaxtorch.autograd import no_grad
from jaxtorch.distributions import constraints
from jaxtorch.distributions.parameters import broadcast_all, is_lazy
from jaxtorch.engine.trace import is_traced
from jaxtorch.ops.data import is_tensor
from jaxtorch.ops.verifying import is_awaited, verified
from jaxtorch.size import Size

__all__ = ["Distribution"]


def holds(valid) -> bool:
    """Whether a check holds everywhere. Inside a jax trace there is no value to look at yet."""
    return is_traced(valid._read()) or bool(valid.all())


class Distribution:
    """A batch of distributions: independent ones over ``batch_shape``, each of one event of
    ``event_shape``.

    A subclass says which constraints its parameters (``arg_constraints``) and its values
    (``support``) satisfy; they are checked unless ``validate_args`` is false. What comes out of a
    graph that is to be differentiated is checked when that is computed: an error is raised at the
    next look at any value.
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__
    _unread: list = []  # checks of what is still to be computed
    _together: tuple = ()  # the parameters that ``_given`` keeps

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether arguments are checked where ``validate_args`` is not given."""
        if value not in (True, False):
            raise ValueError
        Distribution._validate_args = value

    def __init__(self, batch_shape=Size(), event_shape=Size(), validate_args: bool | None = None):  # noqa: B008
        self._batch_shape = Size(batch_shape)
        self._event_shape = Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()
        super().__init__()

    def _given(self, validate_args, **parameters) -> None:
        """Keep ``parameters``, broadcast; the shape they share is the batch's."""
        values = broadcast_all(*parameters.values())
        for name, value in zip(parameters, values, strict=True):
            setattr(self, name, value)
        self._together = tuple(parameters)
        Distribution.__init__(self, values[0].shape, validate_args=validate_args)

    def _check_parameters(self) -> None:
        try:
            rules = self.arg_constraints
        except NotImplementedError:
            rules = {}
            warnings.warn(
                f"{self.__class__} does not define `arg_constraints`. Please set `arg_constraints "
                "= {}` or initialize the distribution with `validate_args=False` to turn off "
                "validation.",
                stacklevel=2,
            )
        for name, rule in rules.items():
            if constraints.is_dependent(rule):
                continue
            if name not in self.__dict__ and is_lazy(type(self), name):
                continue
            value = getattr(self, name)
            self._demand(
                rule, value, f"Expected parameter {name}",
                "of distribution {self} to satisfy the constraint {rule}",
            )  # fmt: skip

    def _demand(self, rule, value, whose: str, what: str) -> None:
        """ValueError unless ``value`` satisfies ``rule``: at once, or at the next look at any value
        where it is still to be computed, in a graph that will be differentiated."""
        valid = rule.check(value)
        whose = f"{whose} ({type(value).__name__} of shape {tuple(value.shape)}) "
        if is_awaited(value):  # the text may not show values either
            what = what.format(self=type(self).__name__, rule=type(rule).__name__.lstrip("_"))
            later = verified(valid, f"{whose}{what}, but found invalid values", ValueError)
            self._unread = [v for v in self._unread if v._node.value is None] + [later]
        elif not holds(valid):
            what = what.format(self=repr(self), rule=repr(rule))
            raise ValueError(f"{whose}{what}, but found invalid values:\n{value}")

    @property
    def batch_shape(self) -> Size:
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        return self._event_shape

    @property
    def arg_constraints(self) -> dict:
        raise NotImplementedError

    @property
    def support(self):
        raise NotImplementedError

    @property
    def mean(self):
        raise NotImplementedError

    @property
    def mode(self):
        raise NotImplementedError(f"{self.__class__} does not implement mode")

    @property
    def variance(self):
        raise NotImplementedError

    @property
    def stddev(self):
        return self.variance.sqrt()

    def sample(self, sample_shape=Size()):  # noqa: B008
        """Draws of shape ``sample_shape + batch_shape + event_shape``, without a gradient."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Draws through which the parameters have gradients."""
        raise NotImplementedError

    def sample_n(self, n: int):
        """``sample((n,))``, as it was once spelled."""
        warnings.warn(
            "`sample_n(n)` will be deprecated. Use `sample((n,))` instead.",
            FutureWarning,
            stacklevel=2,
        )
        return self.sample((n,))

    def log_prob(self, value):
        """The logarithm of the density, or of the mass, at ``value``."""
        raise NotImplementedError

    def cdf(self, value):
        """The probability of at most ``value``."""
        raise NotImplementedError

    def icdf(self, value):
        """The inverse of ``cdf``."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True):
        """All values of a discrete distribution: (count, *batch_shape, *event_shape), or with
        ones for the batch unless ``expand``."""
        raise NotImplementedError

    def _enumerated(self, values, expand: bool):
        """``values`` (count, *event_shape) along a new batch."""
        ones = [1] * len(self._batch_shape)
        values = values.reshape(len(values), *ones, *values.shape[1:])
        if not expand:
            return values
        return values.expand(len(values), *self._batch_shape, *self._event_shape)

    def entropy(self):
        """The entropy of each: of shape ``batch_shape``."""
        raise NotImplementedError

    def perplexity(self):
        return self.entropy().exp()

    def expand(self, batch_shape, _instance=None):
        """The same distributions, repeated to ``batch_shape``. (A subclass with attributes of its
        own makes the ``_instance`` that is filled here.)"""
        new = self._get_checked_instance(_home(type(self)), _instance)
        batch_shape, rules = Size(batch_shape), self.arg_constraints
        for name, value in vars(self).items():
            if is_tensor(value) and (name in rules or name in self._together):
                rule = rules.get(name, constraints.dependent)
                kept = 0 if constraints.is_dependent(rule) else rule.event_dim
                value = value.expand(batch_shape + value.shape[value.ndim - kept :])
            elif isinstance(value, Distribution):
                value = value.expand(batch_shape + value.batch_shape[len(self._batch_shape) :])
            elif is_lazy(type(self), name):
                continue
            new.__dict__.setdefault(name, value)
        new._batch_shape = batch_shape
        return new

    def _get_checked_instance(self, cls, _instance=None):
        if _instance is None and type(self).__init__ != cls.__init__:
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom __init__ "
                "method must also define a custom .expand() method."
            )
        return type(self).__new__(type(self)) if _instance is None else _instance

    def _extended_shape(self, sample_shape=Size()) -> Size:  # noqa: B008
        return Size(sample_shape) + self._batch_shape + self._event_shape

    def _validate_sample(self, value) -> None:
        """Raise ValueError unless ``value`` has a fitting shape and lies in the support."""
        if not is_tensor(value):
            raise ValueError("The value argument to log_prob must be a Tensor")
        shape = value.shape
        if shape[len(shape) - len(self._event_shape) :] != self._event_shape:
            raise ValueError(
                "The right-most size of value must match event_shape: "
                f"{shape} vs {self._event_shape}."
            )
        expected = self._batch_shape + self._event_shape
        for have, want in zip(reversed(shape), reversed(expected), strict=False):
            if have != 1 and want != 1 and have != want:
                raise ValueError(
                    "Value is not broadcastable with batch_shape+event_shape: "
                    f"{shape} vs {expected}."
                )
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{self.__class__} does not define `support` to enable sample validation. Please "
                "initialize the distribution with `validate_args=False` to turn off validation.",
                stacklevel=2,
            )
            return
        self._demand(
            support, value, "Expected value argument",
            "to be within the support ({rule}) of the distribution {self}",
        )  # fmt: skip

    def __repr__(self) -> str:
        given = [(name, self.__dict__[name]) for name in self.arg_constraints
                 if name in self.__dict__]  # fmt: skip
        shown = [f"{name}: {v if v.numel() == 1 else v.size()}" for name, v in given]
        return f"{type(self).__name__}({', '.join(shown)})"


def _home(cls: type) -> type:
    """The class of this package that ``cls`` is or derives from."""
    # while torch is jaxtorch its classes say "torch.distributions" (see alias.py)
    ours = __package__, __package__.replace("jaxtorch", "torch")
    return next(c for c in cls.__mro__ if c.__module__.rpartition(".")[0] in ours)
