"""A generative adversarial network that draws digits; pictures of its samples are saved.

A convolutional generator and discriminator after Radford et al., 2016 (arXiv:1511.06434), narrow
enough for a CPU.

    python examples/gan_digits.py
"""

import argparse
from pathlib import Path

from digits import load_digits
from pictures import save_curves, save_images
from tqdm import tqdm

import jaxtorch as torch
import jaxtorch.nn as nn
import jaxtorch.nn.functional as F
from jaxtorch.utils.data import DataLoader, TensorDataset


def make_generator(latent, width):
    """(N, latent, 1, 1) to images (N, 1, 32, 32)."""
    return nn.Sequential(
        nn.ConvTranspose2d(latent, 4 * width, 4, bias=False),
        nn.BatchNorm2d(4 * width),
        nn.ReLU(),
        nn.ConvTranspose2d(4 * width, 2 * width, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1),
        nn.Tanh(),
    )


def make_discriminator(width):
    """Images (N, 1, 32, 32) to one logit each, (N, 1)."""
    return nn.Sequential(
        nn.Conv2d(1, width, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(2 * width),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(4 * width),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(4 * width * 4 * 4, 1),
    )


def init_weights(module):
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FOLDER", help="idx files of MNIST or Fashion-MNIST")
    parser.add_argument("--out", metavar="FOLDER", default="runs/gan_digits")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--width", type=int, default=16, help="channels of the widest layers / 4")
    parser.add_argument("--latent", type=int, default=32)
    parser.add_argument("--small", action="store_true", help="a few hundred digits only")
    args = parser.parse_args(arguments)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)

    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    digits = load_digits(args.data)
    if args.small:
        digits = digits.head(128, 16)
    images = torch.from_numpy(digits.train_images).to(device)
    loader = DataLoader(TensorDataset(images), args.batch, shuffle=True, drop_last=True)
    generator = make_generator(args.latent, args.width).to(device)
    discriminator = make_discriminator(args.width).to(device)
    generator.apply(init_weights)
    discriminator.apply(init_weights)
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999))
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=5e-4, betas=(0.5, 0.999))

    ones = torch.full((args.batch, 1), 0.9, device=device)
    zeros = torch.zeros(args.batch, 1, device=device)
    fixed = torch.randn(32, args.latent, 1, 1).to(device)
    losses_d, losses_g = [], []
    for epoch in tqdm(range(1, args.epochs + 1), unit="epoch"):
        sums = [0.0, 0.0]
        for (real,) in loader:
            fake = generator(torch.randn(args.batch, args.latent, 1, 1).to(device))

            optimizer_d.zero_grad()
            loss_d = F.binary_cross_entropy_with_logits(discriminator(real), ones)
            loss_d = loss_d + F.binary_cross_entropy_with_logits(
                discriminator(fake.detach()), zeros
            )
            loss_d.backward()
            optimizer_d.step()

            optimizer_g.zero_grad()
            loss_g = F.binary_cross_entropy_with_logits(discriminator(fake), ones)
            loss_g.backward()
            optimizer_g.step()
            sums[0] += loss_d.item()
            sums[1] += loss_g.item()
        losses_d.append(sums[0] / len(loader))
        losses_g.append(sums[1] / len(loader))
        if epoch % max(args.epochs // 4, 1) == 0:
            tqdm.write(f"epoch {epoch:3}: D {losses_d[-1]:.3f}, G {losses_g[-1]:.3f}")
            with torch.no_grad():
                samples = generator(fixed).cpu().numpy()
            save_images(out / f"samples_{epoch:03}.png", samples)
    save_curves(out / "losses.png", {"discriminator": losses_d, "generator": losses_g})
    return losses_d[-1], losses_g[-1]


if __name__ == "__main__":
    main()
