"""To NumPy and back, one line each way."""

import numpy as np

import jaxtorch as torch

x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
print(x.numpy())
print(type(x.numpy()).__name__, x.numpy().dtype)
print(torch.from_numpy(np.array([1.0, 2.0])))
print(torch.tensor(np.arange(3)))
print(np.sin(torch.zeros(2).numpy()))
print(x.tolist(), x[1, 0].item())

w = torch.ones(2, requires_grad=True)
try:
    w.numpy()
except RuntimeError as error:
    print(error)
print(w.detach().numpy())
