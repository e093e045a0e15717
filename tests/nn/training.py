"""Whole training runs, as programs for torch or jaxtorch: the loss of every step.

Small nets on made-up data, everything drawn from the seed, so that the two libraries begin alike;
dropout is off, because its masks are not PyTorch's.
"""

from __future__ import annotations

STEPS = 50


def cnn(torch) -> list[float]:
    """Convolutions with BatchNorm and pooling, SGD with momentum."""
    nn = torch.nn
    torch.manual_seed(0)
    x = torch.randn(8, 1, 8, 8)
    y = (x[:, 0, 2:6, 2:6].sum((1, 2)) > 0).long()
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2),
    )  # fmt: skip
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
    losses = []
    for _ in range(STEPS):
        loss = nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    net.eval()
    return [*losses, nn.functional.cross_entropy(net(x), y).item()]


def lstm(torch) -> list[float]:
    """A bidirectional LSTM over packed sequences, Adam, the gradients clipped."""
    nn = torch.nn
    torch.manual_seed(1)
    lengths = torch.tensor([6, 5, 3, 2])
    x = torch.randn(4, 6, 3)
    y = x[:, :2].sum((1, 2))
    rnn, head = nn.LSTM(3, 5, bidirectional=True, batch_first=True), nn.Linear(10, 1)
    params = [*rnn.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(params, lr=0.01)
    losses = []
    for _ in range(STEPS):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
        _, (hidden, _) = rnn(packed)
        out = head(torch.cat([hidden[0], hidden[1]], 1)).squeeze(1)
        loss = nn.functional.mse_loss(out, y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


def transformer(torch) -> list[float]:
    """Embedding, two encoder layers with a causal mask, AdamW and a schedule."""
    nn = torch.nn
    torch.manual_seed(2)
    tokens = torch.randint(0, 7, (4, 7))
    embed = nn.Embedding(7, 8)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    body, head = nn.TransformerEncoder(layer, 2), nn.Linear(8, 7)
    mask = nn.Transformer.generate_square_subsequent_mask(6)
    params = [p for module in (embed, body, head) for p in module.parameters()]
    optimizer = torch.optim.AdamW(params, lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    losses = []
    for _ in range(STEPS):
        scores = head(body(embed(tokens[:, :-1]), mask=mask, is_causal=True))
        loss = nn.functional.cross_entropy(scores.reshape(-1, 7), tokens[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses


def gan(torch) -> list[float]:
    """A generator against a discriminator, two optimizers; the losses of both in turn."""
    nn = torch.nn
    torch.manual_seed(3)
    real = torch.randn(16, 2) * 0.5 + 1
    maker = nn.Sequential(nn.Linear(3, 8), nn.LeakyReLU(0.2), nn.Linear(8, 2))
    judge = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
    made, judged = (
        torch.optim.Adam(net.parameters(), lr=0.005, betas=(0.5, 0.999)) for net in (maker, judge)
    )
    loss_of, ones, zeros = nn.BCEWithLogitsLoss(), torch.ones(16, 1), torch.zeros(16, 1)
    losses = []
    for _ in range(STEPS):
        fake = maker(torch.randn(16, 3))
        loss = loss_of(judge(real), ones) + loss_of(judge(fake.detach()), zeros)
        judged.zero_grad()
        loss.backward()
        judged.step()
        losses.append(loss.item())
        loss = loss_of(judge(fake), ones)
        made.zero_grad()
        loss.backward()
        made.step()
        losses.append(loss.item())
    return losses


RUNS = [cnn, lstm, transformer, gan]
