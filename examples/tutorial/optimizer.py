"""An optimizer, and a few of its steps."""

import jaxtorch as torch
from jaxtorch import nn, optim

x = torch.tensor(3.5, requires_grad=True)
optimizer = optim.SGD([x], lr=1e-3)
print(optimizer)
for _ in range(3):
    y = (x - 1) * (x - 2) * (x - 3)
    optimizer.zero_grad()
    y.backward()
    optimizer.step()
    print(x)

torch.manual_seed(0)
model = nn.Linear(2, 1)
print(optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4))
print(optim.Adam(model.parameters()))

inputs = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
targets = torch.tensor([[1.0], [3.0], [0.0], [2.0]])
optimizer = optim.Adam(model.parameters(), lr=0.1)
for step in range(100):
    loss = nn.functional.mse_loss(model(inputs), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 20 == 0:
        print(step, f"{loss.item():.4f}")
print(model.weight)
print(model.bias)
