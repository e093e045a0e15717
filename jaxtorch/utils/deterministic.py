"""``torch.utils.deterministic``."""

fill_uninitialized_memory = True  # as it is: ``empty`` gives zeros, since XLA has no other arrays
