"""PyTorch's API and behaviour on JAX: ``import jaxtorch as torch``."""
