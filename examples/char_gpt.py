"""A character-level GPT: learns a text letter by letter, then writes a sample.

python examples/char_gpt.py
python examples/char_gpt.py --text some.txt --steps 2000
"""

import argparse
from pathlib import Path

from tqdm import tqdm

import jaxtorch as torch
import jaxtorch.nn as nn
import jaxtorch.nn.functional as F

SONNETS = Path(__file__).parent / "data" / "sonnets.txt"


class Attention(nn.Module):
    """Causal self-attention over (N, T, width)."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        n, t, width = x.shape
        q, k, v = (
            part.view(n, t, self.heads, width // self.heads).transpose(1, 2)
            for part in self.qkv(x).chunk(3, dim=-1)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(n, t, width))


class Block(nn.Module):
    def __init__(self, width, heads, dropout):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Dropout(dropout)
        )

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """Tokens (N, T) to logits (N, T, letters); T is at most `context`."""

    def __init__(self, letters, context, layers, width, heads, dropout=0.1):
        super().__init__()
        self.context = context
        self.token = nn.Embedding(letters, width)
        self.position = nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads, dropout) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, letters, bias=False)

    def forward(self, tokens):
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.token(tokens) + self.position(positions)
        return self.head(self.norm(self.blocks(x)))

    @torch.no_grad()
    def write(self, prompt, count, temperature=0.8):
        """`count` tokens that follow `prompt` (T,), in a window that moves along with them."""
        window, written = prompt, []
        for _ in range(count):
            logits = self(window[None])[0, -1] / temperature
            letter = torch.multinomial(F.softmax(logits, dim=-1), 1)
            window = torch.cat([window[1:], letter])
            written.append(letter.item())
        return written


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", metavar="FILE", default=SONNETS)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--context", type=int, default=64)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--sample", type=int, default=300, metavar="LETTERS")
    args = parser.parse_args(arguments)

    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    text = Path(args.text).read_text()
    letters = sorted(set(text))
    number = {letter: i for i, letter in enumerate(letters)}
    tokens = torch.tensor([number[letter] for letter in text])
    windows = tokens.unfold(0, args.context + 1, 1)

    model = GPT(len(letters), args.context, args.layers, args.width, args.heads).to(device)
    print(f"{len(text)} letters, {sum(p.numel() for p in model.parameters())} parameters")
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=args.steps)
    loss = None
    for step in tqdm(range(args.steps), unit="step"):
        batch = windows[torch.randint(len(windows), (args.batch,))].to(device)
        logits = model(batch[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % max(args.steps // 5, 1) == 0:
            tqdm.write(f"step {step:4}: loss {loss.item():.3f}")
    print(f"loss {loss.item():.3f}")

    model.eval()
    written = model.write(tokens[: args.context].to(device), args.sample)
    print("".join(letters[i] for i in written))
    return loss.item()


if __name__ == "__main__":
    main()
