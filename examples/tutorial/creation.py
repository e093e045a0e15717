"""New tensors: filled, counted and random. One seed gives the same numbers as in PyTorch."""

import jaxtorch as torch

print(torch.ones(2, 3))
print(torch.zeros(2, 3))
print(torch.zeros(3, dtype=torch.int64))
print(torch.eye(3))
print(torch.full((2, 2), 7.0))
print(torch.arange(0, 10, 2), torch.linspace(0, 1, 5))
print(torch.ones_like(torch.arange(3)))

torch.manual_seed(0)
print(torch.rand(2, 3))
print(torch.randn(2, 3))
print(torch.randint(0, 10, (5,)))
print(torch.randperm(8))

torch.manual_seed(0)
print(torch.rand(2, 3))
print(torch.randn(4, 5))
