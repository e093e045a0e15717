"""Five types of tensor, and how each one prints."""

import jaxtorch as torch

print(torch.FloatTensor([1, 2]))
print(torch.DoubleTensor([1, 2]))
print(torch.IntTensor([1, 2]))
print(torch.LongTensor([1, 2]))
print(torch.ByteTensor([1, 2]))

for dtype in (torch.float32, torch.float64, torch.int32, torch.int64, torch.uint8):
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], dtype=dtype)
    print(x, x.dtype, x.type(), x.shape)

print(torch.tensor([1.0, 2.0], dtype=torch.float64))
print(torch.tensor([1.5, 2.25, -3.125]))
print(torch.tensor([1e-8, 1.0]))
print(torch.tensor([1e10, 1.0]))
print(torch.tensor([True, False]))
print(torch.tensor(7))
print(torch.tensor([]))
print(torch.arange(2000))
print(torch.arange(24).view(2, 3, 4))
print(torch.arange(30) / 7)
print(torch.tensor([float("inf"), float("-inf"), float("nan")]))
print(torch.tensor([1.0, 2.0]).double().int().long().byte().float())
