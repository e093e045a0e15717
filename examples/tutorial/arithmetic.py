"""Arithmetic on whole tensors."""

import jaxtorch as torch

x = torch.tensor(2)
y = torch.tensor(1)
print(x + y)
print(x - y)
print(x * y)
print(x / y)
print(torch.add(x, y), torch.sub(x, y), torch.mul(x, y), torch.div(x, y))

a = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
b = torch.tensor([[10.0, 20.0], [30.0, 40.0]])
print(a + b)
print(a * b)
print(a @ b)
print(a**2, 2**a)
print(a.t(), a.sum(), a.mean(dim=0), a.max())
print(a + torch.tensor([100.0, 200.0]))
print(torch.tensor([7, -7]) // 2, torch.tensor([7, -7]) % 3)
print(torch.tensor([1, 2]) + 0.5, torch.tensor([1, 2]) * True)

a.add_(1)
print(a)
a += b
print(a)
print(a > 20, (a > 20).sum())

try:
    a + torch.ones(3)
except RuntimeError as error:
    print(error)
