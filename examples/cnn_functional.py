"""The tutorial's network trained as a pure function: parameters in, parameters out, plain optax.

The module is the one of cnn_digits.py. `functional_call` runs it with the parameters it is given,
`value_and_grad` differentiates that, and `jit` compiles the step once.

    python examples/cnn_functional.py
"""

import argparse
import time

import numpy as np
import optax
from cnn_digits import Net
from digits import load_digits
from tqdm import tqdm

import jaxtorch as torch
import jaxtorch.nn.functional as F
from jaxtorch.func import functional_call, value_and_grad


def make_step(net, tx):
    """One step of training: (params, state, images, labels) to (params, state, loss)."""

    def loss_fn(params, images, labels):
        return F.cross_entropy(functional_call(net, params, (images,)), labels)

    @torch.jit
    def step(params, state, images, labels):
        loss, grads = value_and_grad(loss_fn)(params, images, labels)
        updates, state = tx.update(grads, state, params)
        return optax.apply_updates(params, updates), state, loss

    return step


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FOLDER", help="idx files of MNIST or Fashion-MNIST")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--small", action="store_true", help="a few hundred digits only")
    args = parser.parse_args(arguments)

    start = time.perf_counter()
    torch.manual_seed(0)
    digits = load_digits(args.data)
    if args.small:
        digits = digits.head(320, 64)
    net = Net()
    params = {name: param.detach() for name, param in net.named_parameters()}
    batches = len(digits.train_labels) // args.batch
    schedule = optax.cosine_decay_schedule(args.lr, args.epochs * batches)
    tx = optax.chain(optax.add_decayed_weights(1e-3), optax.sgd(schedule, momentum=0.9))
    state = tx.init(params)
    step = make_step(net, tx)

    @torch.jit
    def predict(params, images):
        return functional_call(net, params, (images,)).argmax(1)

    order = np.random.RandomState(0)
    accuracy = 0.0
    with tqdm(total=args.epochs * batches, unit="batch") as progress:
        for epoch in range(1, args.epochs + 1):
            picks = order.permutation(len(digits.train_labels))[: batches * args.batch]
            total = 0.0
            for pick in picks.reshape(batches, args.batch):
                images = torch.from_numpy(digits.train_images[pick])
                labels = torch.from_numpy(digits.train_labels[pick])
                params, state, loss = step(params, state, images, labels)
                total += loss.item()
                progress.update()
            found = predict(params, torch.from_numpy(digits.test_images)).numpy()
            accuracy = float((found == digits.test_labels).mean())
            progress.write(f"epoch {epoch:2}: loss {total / batches:.4f}, accuracy {accuracy:.2%}")
    print(f"test accuracy {accuracy:.2%} after {time.perf_counter() - start:.1f} s")
    return accuracy


if __name__ == "__main__":
    main()
