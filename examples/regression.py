"""Regression: a small network learns a curve from noisy points; the fit and the loss are drawn.

python examples/regression.py
"""

import argparse
import math
from pathlib import Path

import pictures
from tqdm import tqdm

import jaxtorch as torch
import jaxtorch.nn as nn
import jaxtorch.nn.functional as F


def curve(x):
    """What is to be found behind the noise."""
    return torch.sin(2 * math.pi * x) + 0.5 * x


class Regressor(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.hidden1 = nn.Linear(1, width)
        self.hidden2 = nn.Linear(width, width)
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        x = torch.tanh(self.hidden1(x))
        x = torch.tanh(self.hidden2(x))
        return self.out(x)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", metavar="FOLDER", default="runs/regression")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--noise", type=float, default=0.15, help="standard deviation")
    args = parser.parse_args(arguments)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)

    torch.manual_seed(0)
    x = torch.rand(args.points, 1) * 3 - 1.5
    y = curve(x) + args.noise * torch.randn(args.points, 1)
    model = Regressor(32)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
    losses = []
    for step in tqdm(range(args.steps), unit="step"):
        loss = F.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if step % max(args.steps // 5, 1) == 0:
            tqdm.write(f"step {step:4}: loss {losses[-1]:.4f}")

    grid = torch.linspace(-1.5, 1.5, 200).unsqueeze(1)
    with torch.no_grad():
        fit = model(grid)
        error = F.mse_loss(fit, curve(grid)).sqrt().item()
    print(f"loss {losses[-1]:.4f}; off the true curve by {error:.3f} (noise {args.noise})")
    draw(out / "fit.png", x, y, grid, fit)
    pictures.save_curves(out / "loss.png", {"loss": losses}, xlabel="step")
    return error


def draw(path, x, y, grid, fit):
    figure, panel = pictures.plt.subplots(figsize=(7, 4))
    panel.scatter(x.numpy(), y.numpy(), s=8, alpha=0.5, label="points")
    panel.plot(grid.numpy(), curve(grid).numpy(), "--", label="true curve")
    panel.plot(grid.numpy(), fit.numpy(), label="network")
    panel.legend()
    pictures.save(figure, path)


if __name__ == "__main__":
    main()
