"""Between optimizers and optax: transformations as optimizers, and optimizers as transformations."""

from jaxtorch.optim import transforms
from jaxtorch.optim.from_optax import OptaxOptimizer, from_optax

__all__ = ["OptaxOptimizer", "from_optax", "transforms"]
