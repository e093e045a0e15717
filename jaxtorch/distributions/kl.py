"""Kullback-Leibler divergences: ``kl_divergence`` and ``register_kl``."""

from jaxtorch.distributions import kl_across as kl_across, kl_alike as kl_alike
from jaxtorch.distributions.kl_registry import kl_divergence, register_kl

__all__ = ["kl_divergence", "register_kl"]
