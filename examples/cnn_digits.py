"""The tutorial's convolutional network, trained on handwritten digits.

python examples/cnn_digits.py
python examples/cnn_digits.py --data folder/with/mnist
"""

import argparse
import time
from pathlib import Path

from digits import load_digits
from pictures import save_curves, save_images
from tqdm import tqdm

import jaxtorch as torch
import jaxtorch.nn as nn
import jaxtorch.nn.functional as F
from jaxtorch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3)
        self.conv2 = nn.Conv2d(6, 16, 3)
        self.fc1 = nn.Linear(16 * 6 * 6, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        x = F.max_pool2d(F.relu(self.conv2(x)), (2, 2))
        x = x.flatten(1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def train(net, loader, optimizer, progress):
    """One epoch; the mean loss."""
    net.train()
    total = 0.0
    for images, labels in loader:
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
        progress.update()
        progress.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    return total / len(loader)


@torch.no_grad()
def accuracy(net, images, labels):
    """The share of images, from 0 to 1, whose label the net finds."""
    net.eval()
    hits = 0
    for i in range(0, len(images), 512):
        hits += (net(images[i : i + 512]).argmax(1) == labels[i : i + 512]).sum().item()
    return hits / len(images)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FOLDER", help="idx files of MNIST or Fashion-MNIST")
    parser.add_argument("--out", metavar="FOLDER", default="runs/cnn_digits")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--small", action="store_true", help="a few hundred digits only")
    args = parser.parse_args(arguments)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)

    start = time.perf_counter()
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    digits = load_digits(args.data)
    if args.small:
        digits = digits.head(320, 64)
    train_images, train_labels, test_images, test_labels = (
        torch.from_numpy(array).to(device) for array in digits
    )
    loader = DataLoader(TensorDataset(train_images, train_labels), args.batch, shuffle=True)

    net = Net().to(device)
    print(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=args.lr, momentum=0.9, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
    losses, accuracies = [], []
    with tqdm(total=args.epochs * len(loader), unit="batch") as progress:
        for epoch in range(1, args.epochs + 1):
            losses.append(train(net, loader, optimizer, progress))
            schedule.step()
            accuracies.append(accuracy(net, test_images, test_labels))
            progress.write(
                f"epoch {epoch:2}: loss {losses[-1]:.4f}, test accuracy {accuracies[-1]:.2%}"
            )
    print(f"test accuracy {accuracies[-1]:.2%} after {time.perf_counter() - start:.1f} s")

    torch.save(net.state_dict(), out / "net.pt")
    print(f"wrote {out / 'net.pt'}")
    save_curves(out / "curves.png", {"loss": losses, "test accuracy": accuracies})
    found = net(test_images[:24]).argmax(1)
    titles = [f"{f} ({t})" for f, t in zip(found.tolist(), test_labels[:24].tolist(), strict=True)]
    save_images(out / "predictions.png", test_images[:24].cpu().numpy(), titles)
    return accuracies[-1]


if __name__ == "__main__":
    main()
