"""Recurrent layers: one scan over time for each layer and direction.

The product with the input is taken for all steps at once, before the scan; each step is then one product
with the state and the gates. Gates are stacked along the first dimension of the weights, in torch's order:
i, f, g, o for an LSTM, r, z, n for a GRU.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax

from jaxtorch.ops._op import Array, Arrays, Scalar, op
from jaxtorch.ops.dropout import keep_mask, seeds_for

__all__ = [
    "gru", "gru_cell", "lstm", "lstm_cell", "rnn_relu", "rnn_relu_cell", "rnn_tanh", "rnn_tanh_cell"
]  # fmt: skip


# ---------------------------------------------------------------- one step


def _product(x, weight):
    return lax.dot_general(x, weight, (((x.ndim - 1,), (1,)), ((), ())))


def _spread(bias, like):
    return jnp.broadcast_to(bias, like.shape)


def _rnn_step(activation):
    def step(state, projected, w_hh, b_hh, w_hr):
        (h,) = state
        return (activation(projected + _product(h, w_hh)),)

    return step


def _relu(x):
    return jnp.where(x <= 0, 0, x)


def _lstm_step(state, projected, w_hh, b_hh, w_hr):
    h, c = state
    i, f, g, o = jnp.split(projected + _product(h, w_hh), 4, -1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h if w_hr is None else _product(h, w_hr)), c


def _gru_step(state, projected, w_hh, b_hh, w_hr):
    # The reset gate scales the state's product with its bias: so this bias cannot be hoisted.
    (h,) = state
    recurrent = _product(h, w_hh)
    if b_hh is not None:
        recurrent = recurrent + _spread(b_hh, recurrent)
    xr, xz, xn = jnp.split(projected, 3, -1)
    hr, hz, hn = jnp.split(recurrent, 3, -1)
    z = jax.nn.sigmoid(xz + hz)
    n = jnp.tanh(xn + jax.nn.sigmoid(xr + hr) * hn)
    return (n + z * (h - n),)


# mode: the step, gates, grad_fn
_MODES = {
    "rnn_tanh": (_rnn_step(jnp.tanh), 1, "StackBackward0"),
    "rnn_relu": (_rnn_step(_relu), 1, "StackBackward0"),
    "lstm": (_lstm_step, 4, "MkldnnRnnLayerBackward0"),
    "gru": (_gru_step, 3, "StackBackward0"),
}


def _project(x, mode, w_ih, b_ih, b_hh):
    """The part of the gates that does not depend on the state."""
    projected = _product(x, w_ih)
    if b_ih is not None:
        bias = b_ih if mode == "gru" else b_ih + b_hh
        projected = projected + _spread(bias, projected)
    return projected


# ---------------------------------------------------------------- layers


def _direction(mode, x, state, w_ih, w_hh, b_ih, b_hh, w_hr, reverse):
    """One layer in one direction: x (L, N, I), state tuple of (N, H) -> last state, output (L, N, H)."""
    step = _MODES[mode][0]

    def advance(state, projected):
        state = step(state, projected, w_hh, b_hh, w_hr)
        return state, state[0]

    return lax.scan(advance, state, _project(x, mode, w_ih, b_ih, b_hh), reverse=reverse)


def _check_stack(mode, input, hidden, params, per_direction, count, num_layers) -> None:
    gates = _MODES[mode][1]
    if len(params) != per_direction * count:
        raise RuntimeError(
            f"{mode}: expected {per_direction * count} weights ({per_direction} for each of "
            f"{count} layers and directions), but got {len(params)}"
        )
    hidden_size = params[1].shape[0] // gates
    sizes = [params[1].shape[1]] + ([hidden_size] if mode == "lstm" else [])
    for place, (h, size) in enumerate(zip(hidden, sizes, strict=True)):
        wanted = (count, input.shape[1], size)
        if h.shape != wanted:
            raise RuntimeError(
                f"Expected hidden[{place}] size {wanted}, got {list(h.shape)}"
                if mode == "lstm"
                else f"Expected hidden size {wanted}, got {list(h.shape)}"
            )
    if input.shape[-1] != params[0].shape[1]:
        raise RuntimeError(
            "input.size(-1) must be equal to input_size. Expected "
            f"{params[0].shape[1]}, got {input.shape[-1]}"
        )


@op(name=lambda arrays, statics: _MODES[statics["mode"]][2])
def _recurrent(
    input: Array, hidden: Arrays, params: Arrays, dropout: Scalar | None, first: Scalar | None,
    second: Scalar | None, mode: str, has_biases: bool, num_layers: int, bidirectional: bool,
    batch_first: bool,
):  # fmt: skip
    """Output of the last layer, then the last states (h, or h and c) of every layer and direction."""
    batched = input.ndim == 3
    if input.ndim not in (2, 3):
        raise RuntimeError(f"{mode}: Expected input to be 2D or 3D, got {input.ndim}D instead")
    x = input if batched else input[:, None]
    hidden = tuple(h if batched else h[:, None] for h in hidden)
    if batched and batch_first:
        x = jnp.swapaxes(x, 0, 1)
    directions = 2 if bidirectional else 1
    projected = mode == "lstm" and hidden[0].shape[-1] != hidden[1].shape[-1]
    per_direction = (4 if has_biases else 2) + projected
    count = num_layers * directions
    _check_stack(mode, x, hidden, params, per_direction, count, num_layers)
    last = []
    for layer in range(num_layers):
        if layer and dropout is not None:
            kept = keep_mask(x.shape, dropout, first + layer, second)
            x = jnp.where(kept, x / (1 - dropout).astype(x.dtype), 0)
        outputs = []
        for direction in range(directions):
            place = layer * directions + direction
            mine = params[place * per_direction : (place + 1) * per_direction]
            w_ih, w_hh, *rest = mine
            b_ih, b_hh = rest[:2] if has_biases else (None, None)
            w_hr = rest[-1] if projected else None
            state = tuple(h[place] for h in hidden)
            state, output = _direction(
                mode, x, state, w_ih, w_hh, b_ih, b_hh, w_hr, direction == 1
            )
            last.append(state)
            outputs.append(output)
        x = outputs[0] if directions == 1 else jnp.concatenate(outputs, -1)
    if batched and batch_first:
        x = jnp.swapaxes(x, 0, 1)
    states = [jnp.stack(each) for each in zip(*last, strict=True)]
    return (x, *states) if batched else (x[:, 0], *(s[:, 0] for s in states))


def _run(
    mode, input, hidden, params, has_biases, num_layers, dropout, train, bidirectional, batch_first
):
    seeds = (None, None, None)
    if train and dropout > 0 and num_layers > 1:
        width = hidden[0].shape[-1] * (2 if bidirectional else 1)
        numel = (num_layers - 1) * math.prod(input.shape[:-1]) * width
        seeds = (float(dropout), *seeds_for(input, numel))
    return _recurrent(
        input, hidden, params, *seeds, mode, bool(has_biases), num_layers, bool(bidirectional),
        bool(batch_first),
    )  # fmt: skip


def _is_packed(hx) -> bool:
    # The packed form has batch_sizes in second place: a tensor of integers.
    return not isinstance(hx, (tuple, list)) and not (
        hx.dtype.is_floating_point or hx.dtype.is_complex
    )


def lstm(
    input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first=False
):
    """A stack of LSTM layers: (output, h_n, c_n).

    input (L, N, I), or (N, L, I) with batch_first, or (L, I); hx = (h_0, c_0), each (layers *
    directions, N, H); params holds w_ih, w_hh, b_ih, b_hh, and w_hr where h is a projection, for each layer
    and direction. Gates: i, f, g, o. dropout acts on every layer's output but the last while training.
    """
    if _is_packed(hx):
        raise NotImplementedError("lstm: packed sequences (batch_sizes) are not supported yet")
    return _run(
        "lstm", input, tuple(hx), params, has_biases, num_layers, dropout, train, bidirectional,
        batch_first,
    )  # fmt: skip


def gru(
    input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first=False
):
    """A stack of GRU layers: (output, h_n), as ``lstm``. Gates: r, z, n."""
    if _is_packed(hx):
        raise NotImplementedError("gru: packed sequences (batch_sizes) are not supported yet")
    return _run(
        "gru", input, (hx,), params, has_biases, num_layers, dropout, train, bidirectional,
        batch_first,
    )  # fmt: skip


def rnn_tanh(
    input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first=False
):
    """A stack of layers h = tanh(w_ih x + b_ih + w_hh h + b_hh): (output, h_n)."""
    if _is_packed(hx):
        raise NotImplementedError("rnn_tanh: packed sequences (batch_sizes) are not supported yet")
    return _run(
        "rnn_tanh", input, (hx,), params, has_biases, num_layers, dropout, train, bidirectional,
        batch_first,
    )  # fmt: skip


def rnn_relu(
    input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first=False
):
    """A stack of layers h = relu(w_ih x + b_ih + w_hh h + b_hh): (output, h_n)."""
    if _is_packed(hx):
        raise NotImplementedError("rnn_relu: packed sequences (batch_sizes) are not supported yet")
    return _run(
        "rnn_relu", input, (hx,), params, has_biases, num_layers, dropout, train, bidirectional,
        batch_first,
    )  # fmt: skip


# ---------------------------------------------------------------- cells


def _cell(mode, input, state, w_ih, w_hh, b_ih, b_hh):
    h = state[0]
    if input.shape[-1] != w_ih.shape[1]:
        raise RuntimeError(
            f"input has inconsistent input_size: got {input.shape[-1]} expected {w_ih.shape[1]}"
        )
    if input.shape[:-1] != h.shape[:-1]:
        raise RuntimeError(
            f"Input batch size {input.shape[0]} doesn't match hidden0 batch size {h.shape[0]}"
        )
    if h.shape[-1] != w_hh.shape[1]:
        raise RuntimeError(
            f"hidden0 has inconsistent hidden_size: got {h.shape[-1]}, expected {w_hh.shape[1]}"
        )
    return _MODES[mode][0](state, _project(input, mode, w_ih, b_ih, b_hh), w_hh, b_hh, None)


@op(name="MulBackward0")
def lstm_cell(
    input: Array, hx: Arrays, w_ih: Array, w_hh: Array, b_ih: Array | None = None,
    b_hh: Array | None = None,
):  # fmt: skip
    """One step of an LSTM: input (N, I), hx = (h, c), each (N, H) -> (h, c)."""
    return _cell("lstm", input, hx, w_ih, w_hh, b_ih, b_hh)


@op(name="AddBackward0")
def gru_cell(
    input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array | None = None,
    b_hh: Array | None = None,
):  # fmt: skip
    """One step of a GRU: input (N, I), hx (N, H) -> (N, H)."""
    return _cell("gru", input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


@op(name="TanhBackward0")
def rnn_tanh_cell(
    input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array | None = None,
    b_hh: Array | None = None,
):  # fmt: skip
    """tanh(w_ih input + b_ih + w_hh hx + b_hh)."""
    return _cell("rnn_tanh", input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


@op(name="ReluBackward0")
def rnn_relu_cell(
    input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array | None = None,
    b_hh: Array | None = None,
):  # fmt: skip
    """relu(w_ih input + b_ih + w_hh hx + b_hh)."""
    return _cell("rnn_relu", input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]
