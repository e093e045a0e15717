"""The derivative of (x-1)(x-2)(x-3) at 3.5, which is 5.75."""

import jaxtorch as torch

x = torch.tensor(3.5, requires_grad=True)
print(x)
y = (x - 1) * (x - 2) * (x - 3)
print(y)
y.backward()
print(x.grad)

w = torch.tensor([1.0, 2.0], requires_grad=True)
print(w)
print(w * 3)
print((w * 3).sum())
print(w.is_leaf, (w * 3).is_leaf, w.grad_fn)
print((w * 3).detach(), (w * 3).requires_grad, (w * 3).detach().requires_grad)
with torch.no_grad():
    print(w * 3)
(w**3).sum().backward()
print(w.grad)

x = torch.tensor(3.5, requires_grad=True)
y = (x - 1) * (x - 2) * (x - 3)
(first,) = torch.autograd.grad(y, x, create_graph=True)
(second,) = torch.autograd.grad(first, x)
print(first, second)

try:
    (w * 3).backward()
except RuntimeError as error:
    print(error)
try:
    torch.ones(1).backward()
except RuntimeError as error:
    print(error)
