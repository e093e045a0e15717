"""The graph behind a gradient: one path, two paths, and a graph that is used up."""

import jaxtorch as torch

x = torch.tensor(3.5, requires_grad=True)
y = x**2
z = 2 * y + 3
print(y)
print(z)
z.backward()
print(x.grad)

x = torch.tensor(2.0, requires_grad=True)
y = x * x
a = 2 * y
b = y
z = a * b
z.backward()
print(x.grad)

x = torch.tensor(3.5, requires_grad=True)
y = x**2
y.backward()
try:
    y.backward()
except RuntimeError as error:
    print(error)

x = torch.tensor(3.5, requires_grad=True)
y = x**2
y.backward(retain_graph=True)
y.backward()
print(x.grad)

x = torch.tensor(3.5, requires_grad=True)
y = x**2
y.retain_grad()
(3 * y).backward()
print(y.grad, x.grad)
