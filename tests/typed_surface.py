"""What a type checker knows of jaxtorch, as a user's editor would: checked by pyright, not run."""

from typing import assert_type

import jaxtorch as torch
import jaxtorch.nn.functional as F
from jaxtorch import nn, optim
from jaxtorch.utils.data import DataLoader, Dataset, Subset, TensorDataset, random_split


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3, padding=1)
        self.layers = nn.Sequential(nn.Linear(6, 3), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(F.relu(self.conv(x)).mean(dim=(2, 3)))


class Rows(Dataset[int]):
    def __getitem__(self, index: int) -> int:
        return index

    def __len__(self) -> int:
        return 3


def train(net: Net) -> float:
    x = torch.randn(4, 1, 8, 8, dtype=torch.float32)
    y = torch.tensor([0, 1, 2, 0])
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    schedule = optim.lr_scheduler.StepLR(optimizer, 1)
    loss = F.cross_entropy(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter -= 0.1 * parameter
    torch.save(net.state_dict(), "net.pt")
    net.load_state_dict(torch.load("net.pt"))
    return float(loss.item())


def load() -> None:
    for batch in DataLoader(TensorDataset(torch.zeros(3)), batch_size=2, shuffle=True):
        print(batch)
    first, second = random_split(Rows(), [2, 1], generator=torch.Generator().manual_seed(0))
    assert_type(first, Subset[int])
    assert_type(second[0], int)


def devices() -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    x = torch.arange(6, device=device).reshape(2, 3).to(torch.float64)
    print(x.shape, x.dtype, x.device, x.requires_grad, x[0, 1:].sum().tolist(), len(x))


torch.install()
torch.uninstall()
assert_type(torch.__version__, str)
