"""The same models as a JAX programmer writes them: pure functions of a dict of parameters.

The parameters carry the names and the layouts of the torch models, so that every contender begins
with the same weights and must end with the same losses. The forms are the obvious ones.
"""

import jax
import jax.numpy as jnp
from jax import lax


def linear(p, name, x):
    y = x @ p[f"{name}.weight"].T
    return y + p[f"{name}.bias"] if f"{name}.bias" in p else y


def conv(p, name, x, stride=1, padding=0):
    y = lax.conv_general_dilated(
        x,
        p[f"{name}.weight"],
        (stride, stride),
        [(padding, padding)] * 2,
        dimension_numbers=("NCHW", "OIHW", "NCHW"),
    )
    return y + p[f"{name}.bias"][:, None, None] if f"{name}.bias" in p else y


def max_pool(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def layer_norm(p, name, x):
    mean = x.mean(-1, keepdims=True)
    var = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(var + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]


def cross_entropy(logits, labels):
    """The mean over all but the last axis of `logits`."""
    picked = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[..., None], axis=-1)
    return -picked.mean()


def mlp(p, stats, x, labels):
    layers = sorted({int(name.split(".")[0]) for name in p})
    for layer in layers[:-1]:
        x = jax.nn.relu(linear(p, layer, x))
    return cross_entropy(linear(p, layers[-1], x), labels), stats


def lenet(p, stats, x, labels):
    x = max_pool(jax.nn.relu(conv(p, "conv1", x)))
    x = max_pool(jax.nn.relu(conv(p, "conv2", x)))
    x = x.reshape(len(x), -1)
    x = jax.nn.relu(linear(p, "fc1", x))
    x = jax.nn.relu(linear(p, "fc2", x))
    return cross_entropy(linear(p, "fc3", x), labels), stats


def gpt(p, stats, tokens, labels, heads=4):
    n, t = tokens.shape
    x = p["token.weight"][tokens] + p["position.weight"][jnp.arange(t)]
    width = x.shape[-1]
    mask = jnp.tril(jnp.ones((t, t), bool))
    layers = 1 + max(int(name.split(".")[1]) for name in p if name.startswith("blocks."))
    for name in (f"blocks.{i}" for i in range(layers)):
        qkv = linear(p, f"{name}.qkv", layer_norm(p, f"{name}.norm1", x))
        q, k, v = (a.reshape(n, t, heads, -1).transpose(0, 2, 1, 3) for a in jnp.split(qkv, 3, -1))
        scores = q @ k.swapaxes(-1, -2) / (width // heads) ** 0.5
        weights = jax.nn.softmax(jnp.where(mask, scores, -jnp.inf))
        y = (weights @ v).transpose(0, 2, 1, 3).reshape(n, t, width)
        x = x + linear(p, f"{name}.proj", y)
        y = linear(p, f"{name}.fc1", layer_norm(p, f"{name}.norm2", x))
        x = x + linear(p, f"{name}.fc2", jax.nn.gelu(y, approximate=False))
    return cross_entropy(linear(p, "head", layer_norm(p, "norm", x)), labels), stats


def lstm(p, stats, tokens, labels):
    x = p["token.weight"][tokens].swapaxes(0, 1)
    n, width = x.shape[1:]

    def cell(carry, x):
        h, c = carry
        gates = x @ p["lstm.weight_ih_l0"].T + p["lstm.bias_ih_l0"]
        gates = gates + h @ p["lstm.weight_hh_l0"].T + p["lstm.bias_hh_l0"]
        i, f, g, o = jnp.split(gates, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zeros = jnp.zeros((n, width))
    _, states = lax.scan(cell, (zeros, zeros), x)
    return cross_entropy(linear(p, "head", states.swapaxes(0, 1)), labels), stats


def resnet18(p, stats, x, labels):
    stats = dict(stats)

    def batch_norm(name, x):
        mean = x.mean((0, 2, 3))
        var = x.var((0, 2, 3))
        count = x.size / len(mean)
        for key, value in (("mean", mean), ("var", var * count / (count - 1))):
            stats[f"{name}.running_{key}"] = 0.9 * stats[f"{name}.running_{key}"] + 0.1 * value
        stats[f"{name}.num_batches_tracked"] += 1
        scale = p[f"{name}.weight"] * lax.rsqrt(var + 1e-5)
        return (x - mean[:, None, None]) * scale[:, None, None] + p[f"{name}.bias"][:, None, None]

    x = jax.nn.relu(batch_norm("bn", conv(p, "conv", x, padding=1)))
    for i in range(8):
        name, stride = f"blocks.{i}", 2 if i in (2, 4, 6) else 1
        y = conv(p, f"{name}.conv1", x, stride, 1)
        y = jax.nn.relu(batch_norm(f"{name}.bn1", y))
        y = batch_norm(f"{name}.bn2", conv(p, f"{name}.conv2", y, padding=1))
        if stride == 2:
            x = batch_norm(f"{name}.shortcut.1", conv(p, f"{name}.shortcut.0", x, stride))
        x = jax.nn.relu(y + x)
    return cross_entropy(linear(p, "fc", x.mean((2, 3))), labels), stats
