"""Linear algebra of (batches of) matrices, by the sections of torch.linalg's documentation."""
