"""Gradients add up until they are set to zero."""

import jaxtorch as torch

x = torch.tensor(3.5, requires_grad=True)
for _ in range(3):
    y = (x - 1) * (x - 2) * (x - 3)
    y.backward()
    print(x.grad)

x.grad.zero_()
print(x.grad)
y = (x - 1) * (x - 2) * (x - 3)
y.backward()
print(x.grad)

optimizer = torch.optim.SGD([x], lr=0.1)
optimizer.zero_grad()
print(x.grad)
y = (x - 1) * (x - 2) * (x - 3)
y.backward()
print(x.grad)
optimizer.zero_grad(set_to_none=False)
print(x.grad)
