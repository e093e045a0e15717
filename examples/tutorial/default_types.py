"""The type that a Python number or a new tensor gets, and how to change it."""

import jaxtorch as torch

print(torch.get_default_dtype())
print(torch.tensor([1.0, 2.0]).dtype, torch.tensor([1, 2]).dtype)

torch.set_default_dtype(torch.float64)
print(torch.get_default_dtype())
print(torch.tensor([1.0, 2.0]), torch.ones(2).dtype)
print(torch.tensor([1.0, 2.0], dtype=torch.float32))

torch.set_default_tensor_type(torch.FloatTensor)
print(torch.get_default_dtype())
print(torch.tensor([1.0, 2.0]))

torch.set_default_tensor_type("torch.DoubleTensor")
print(torch.zeros(3).dtype, torch.tensor(1) / 3)
torch.set_default_tensor_type("torch.FloatTensor")
print(torch.zeros(3).dtype, torch.tensor(1) / 3)
