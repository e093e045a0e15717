"""The edges: flax, optax, and other formats of arrays and weights."""
