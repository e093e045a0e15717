"""Between optimizers and optax: either one as the other."""

from jaxtorch.optim import transforms
from jaxtorch.optim.from_optax import OptaxOptimizer, from_optax

__all__ = ["OptaxOptimizer", "from_optax", "transforms"]
