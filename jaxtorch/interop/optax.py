"""Between optimizers and optax: either one as the other.

Any optax transformation is an optimizer in PyTorch's shape by :func:`from_optax`, an optax schedule
is a scheduler by :class:`OptaxLR`, and ``transforms`` has PyTorch's optimizers as optax
transformations, to be chained, masked, wrapped and scheduled like any others::

    tx = optax.chain(optax.clip_by_global_norm(1.0), transforms.sgd(lr=0.1, momentum=0.9))
    tx = optax.inject_hyperparams(transforms.adam)(lr=optax.cosine_decay_schedule(1e-3, 100))
"""

from jaxtorch.optim import transforms
from jaxtorch.optim.from_optax import OptaxOptimizer, from_optax
from jaxtorch.optim.lr_optax import OptaxLR

__all__ = ["OptaxLR", "OptaxOptimizer", "from_optax", "transforms"]
