"""Gradient descent by hand: through `.data`, then under `no_grad`."""

import jaxtorch as torch
from jaxtorch import nn

lr = 0.1
inputs = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
targets = torch.tensor([[1.0], [3.0], [0.0], [2.0]])

torch.manual_seed(0)
model = nn.Linear(2, 1)
for _ in range(3):
    model.zero_grad()
    loss = ((model(inputs) - targets) ** 2).mean()
    loss.backward()
    for params in model.parameters():
        params.data -= params.grad * lr
    print(loss)
print(model.weight)

torch.manual_seed(0)
model = nn.Linear(2, 1)
for _ in range(3):
    loss = ((model(inputs) - targets) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        for params in model.parameters():
            params -= params.grad * lr
            params.grad.zero_()
    print(loss)
print(model.weight)

try:
    for params in model.parameters():
        params -= params.grad * lr
except RuntimeError as error:
    print(error)
