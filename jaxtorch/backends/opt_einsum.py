"""``torch.backends.opt_einsum``: how ``einsum`` finds the order of its products."""

from jaxtorch.backends._flags import Flags, become, fixed
from jaxtorch.ops import einsum

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

    @property
    def strategy(self) -> str:
        """A name of opt_einsum's: "auto", "greedy", "optimal", "auto-hq"."""
        return einsum.path_strategy

    @strategy.setter
    def strategy(self, name: str) -> None:
        einsum.path_strategy = name


become(__name__, _OptEinsum)
