"""``torch.backends.opt_einsum``: ``jnp.einsum`` always finds the order of products by it."""

from jaxtorch.backends._flags import Flags, become, fixed

__all__ = ["get_opt_einsum", "is_available"]


def is_available() -> bool:
    return True


def get_opt_einsum():
    """The package."""
    import opt_einsum

    return opt_einsum


class _OptEinsum(Flags):
    _names = ("enabled", "strategy")
    enabled = fixed("enabled", True, "jnp.einsum uses it always")
    strategy = fixed("strategy", "optimal", "jnp.einsum looks for the best order")


become(__name__, _OptEinsum)
