"""Recurrent layers: one scan over time for each layer and direction.

The product with the input is taken for all steps at once, before the scan; each step is then one
product with the state and the gates. Gates are stacked along the first dimension of the weights, in
torch's order: i, f, g, o for an LSTM, r, z, n for a GRU.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from jaxtorch.ops._op import Array, Arrays, check, index_dtype, op
from jaxtorch.ops.dropout import dropout
from jaxtorch.ops.linear import contract, standing, sum_rows, weight_gradient
from jaxtorch.ops.shaping import cat, stack
from jaxtorch.ops.views import squeeze, transpose, unsqueeze

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


def _lstm_gates(state, projected, w_hh, w_hr):
    """The next state, and the gates that made it."""
    h, c = state
    i, f, g, o = jnp.split(projected + _product(h, w_hh), 4, -1)
    i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
    c = f * c + i * g
    h = o * jnp.tanh(c)
    return (h if w_hr is None else _product(h, w_hr), c), (i, f, g, o)


def _lstm_step(state, projected, w_hh, b_hh, w_hr):
    return _lstm_gates(state, projected, w_hh, w_hr)[0]


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


def _layer_vjp(needs, args, statics, out, grads):
    present = args[1]
    if statics["mode"] != "lstm" or present is not None:
        body = functools.partial(_flat_layer, statics, present)
        x, *rest = jax.vjp(body, args[0], *args[2:])[1](grads)
        return x, None, *rest
    return tuple(
        g if need else None
        for g, need in zip(_lstm_vjp(args, statics, out, grads), needs, strict=True)
    )


def _flat_layer(statics, present, input, *rest):
    *hidden, w_ih, w_hh, b_ih, b_hh, w_hr = rest
    return _layer.body(input, present, tuple(hidden), w_ih, w_hh, b_ih, b_hh, w_hr, **statics)


def _lstm_vjp(args, statics, out, grads):
    """From the gates that the forward pass kept, with each weight's product taken once, at the end.

    JAX's own adds a product to each weight at every step: 15.6 ms forward and backward for 32 steps
    of 32 x 128, this 12.1, PyTorch 14.2. Unrolling the loop 4 and 8 times gave 13.9 and 21.6.
    """
    x, _, h_all, c_all, w_ih, w_hh, b_ih, b_hh, w_hr = args
    place, reverse = statics["place"], statics["reverse"]
    output, _, _, *gates, cells = out
    i, f, g, o = gates
    to_output, to_h, to_c = grads[:3]  # nobody is handed the rest of the outputs

    def before(first, states):
        if reverse:
            return jnp.concatenate([states[1:], first[None]])
        return jnp.concatenate([first[None], states[:-1]])

    tanh = jnp.tanh(cells)
    to_gates = (g * i * (1 - i), before(c_all[place], cells) * f * (1 - f), i * (1 - g * g))
    slopes = standing((*to_gates, tanh * o * (1 - o), o * (1 - tanh * tanh)))

    def step(state, now):
        to_h, to_c = state
        to_y, f, (si, sf, sg, so, sc) = now
        to_h = to_h + to_y
        to_full = to_h if w_hr is None else contract(to_h, w_hr, 1, 0)
        to_c = to_c + to_full * sc
        pre = jnp.concatenate([to_c * si, to_c * sf, to_c * sg, to_full * so], -1)
        return (contract(pre, w_hh, 1, 0), to_c * f), (pre, to_h)

    (to_h, to_c), (pre, to_outputs) = lax.scan(
        step, (to_h, to_c), (to_output, f, slopes), reverse=not reverse
    )

    def rows(a):
        return a.reshape(-1, a.shape[-1])

    pre = standing(rows(pre))
    to_bias = None if b_ih is None else sum_rows(pre)
    return (
        contract(pre, w_ih, 1, 0).reshape(x.shape),
        None,
        jnp.zeros_like(h_all).at[place].set(to_h),
        jnp.zeros_like(c_all).at[place].set(to_c),
        weight_gradient(pre, rows(x)),
        weight_gradient(pre, rows(before(h_all[place], output))),
        to_bias,
        to_bias,
        None if w_hr is None else weight_gradient(rows(to_outputs), rows(o * tanh)),
    )


@op(name=lambda arrays, statics: _MODES[statics["mode"]][2], vjp=_layer_vjp)
def _layer(
    input: Array, present: Array | None, hidden: Arrays, w_ih: Array, w_hh: Array,
    b_ih: Array | None, b_hh: Array | None, w_hr: Array | None, mode: str, place: int,
    reverse: bool,
):  # fmt: skip
    """One layer in one direction, from the states at ``place`` of ``hidden``.

    input (L, N, I) -> output (L, N, H), the last state or states (N, H), and of an LSTM what its
    backward needs: the four gates and the cells of every step. Where ``present`` (L, N) is false
    the states stay as they are.
    """
    state = tuple(h[place] for h in hidden)
    projected = _project(input, mode, w_ih, b_ih, b_hh)
    if mode == "lstm":

        def advance(state, projected):
            state, gates = _lstm_gates(state, projected, w_hh, w_hr)
            return state, (state[0], *gates, state[1])
    else:

        def advance(state, projected):
            state = _MODES[mode][0](state, projected, w_hh, b_hh, w_hr)
            return state, (state[0],)

    if present is not None:
        everywhere = advance

        def advance(state, now):
            projected, here = now
            moved, kept = everywhere(state, projected)
            here = here[:, None]
            return tuple(jnp.where(here, m, s) for m, s in zip(moved, state, strict=True)), kept

        projected = projected, present
    state, (output, *kept) = lax.scan(advance, state, projected, reverse=reverse)
    return output, *state, *kept


def _check_stack(mode, input, hidden, params, per_direction, count) -> None:
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
        if tuple(h.shape) != wanted:
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


def _layers(mode, x, present, hidden, params, has_biases, num_layers, drop, bidirectional):
    """Output of the last layer, then the last states of every layer and direction.

    ``drop`` is what becomes of a layer's output before the next.
    """
    params = tuple(params)
    directions = 2 if bidirectional else 1
    projected = mode == "lstm" and hidden[0].shape[-1] != hidden[1].shape[-1]
    each = (4 if has_biases else 2) + projected
    _check_stack(mode, x, hidden, params, each, num_layers * directions)
    last = []
    for layer in range(num_layers):
        x = drop(x) if layer else x
        outputs = []
        for place in range(layer * directions, (layer + 1) * directions):
            w_ih, w_hh, *rest = params[place * each : (place + 1) * each]
            b_ih, b_hh = rest[:2] if has_biases else (None, None)
            w_hr = rest[-1] if projected else None
            reverse = place > layer * directions
            output, *found = _layer(
                x, present, hidden, w_ih, w_hh, b_ih, b_hh, w_hr, mode, place, reverse
            )
            outputs.append(output)
            last.append(found[: len(hidden)])
        x = outputs[0] if directions == 1 else cat(outputs, -1)
    return x, *(stack(states) for states in zip(*last, strict=True))


def _dropper(p: float, train: bool):
    return (lambda x: dropout(x, p)) if train and p > 0 else lambda x: x


def _run(
    mode, input, hidden, params, has_biases, num_layers, drop, train, bidirectional, batch_first
):
    if input.ndim not in (2, 3):
        raise RuntimeError(f"{mode}: Expected input to be 2D or 3D, got {input.ndim}D instead")
    batched = input.ndim == 3
    x = input if batched else unsqueeze(input, 1)
    hidden = tuple(h if batched else unsqueeze(h, 1) for h in hidden)
    if batched and batch_first:
        x = transpose(x, 0, 1)
    if not x.shape[0]:
        raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
    x, *states = _layers(
        mode, x, None, hidden, params, has_biases, num_layers, _dropper(drop, train), bidirectional
    )
    if batched and batch_first:
        x = transpose(x, 0, 1)
    return (x, *states) if batched else (squeeze(x, (1,)), *(squeeze(s, (1,)) for s in states))


# ---------------------------------------------------------------- packed sequences
#
# The lengths are data: batches of other lengths, but as many steps and sequences, compile nothing.


@op(name="IndexSelectBackward0")
def _padded(data: Array, batch_sizes: Array, batch: int):
    """Packed rows (*, I) as (L, batch, I), with copies of some row where a sequence is over."""
    sizes = batch_sizes.astype(index_dtype())
    at = (jnp.cumsum(sizes) - sizes)[:, None] + jnp.arange(batch, dtype=sizes.dtype)[None]
    return jnp.take(data, at, 0, mode="clip")


@op(name="IndexSelectBackward0")
def _packed(padded: Array, batch_sizes: Array, rows: int):
    """(L, N, H) as the packed rows (rows, H)."""
    sizes = batch_sizes.astype(index_dtype())
    ends = jnp.cumsum(sizes)
    row = jnp.arange(rows, dtype=sizes.dtype)
    step = jnp.searchsorted(ends, row, side="right")
    at = jnp.clip(step * padded.shape[1] + row - (ends - sizes)[step], 0)
    out = jnp.take(padded.reshape(-1, padded.shape[2]), at, 0, mode="clip")
    text = "Expected `sum(batch_sizes)` to be {value}, the number of rows of the packed data"
    return check(out, ends[-1] == rows, jnp.full((), rows, sizes.dtype), text, RuntimeError)


@op(nondiff=True)
def _present(batch_sizes: Array, batch: int):
    """(L, batch): which sequences have each step."""
    sizes = batch_sizes.astype(index_dtype())
    return jnp.arange(batch, dtype=sizes.dtype)[None] < sizes[:, None]


def _run_packed(
    mode, data, batch_sizes, hidden, params, has_biases, num_layers, drop, train, bidirectional
):
    if data.ndim != 2:
        raise RuntimeError(f"{mode}: Expected packed data to be 2D, got {data.ndim}D instead")
    rows, batch = data.shape[0], hidden[0].shape[1]
    dropper = _dropper(drop, train)

    def drop_packed(x):  # on the rows that there are, as torch does, which draws for each of them
        return _padded(dropper(_packed(x, batch_sizes, rows)), batch_sizes, batch)

    x, *states = _layers(
        mode, _padded(data, batch_sizes, batch), _present(batch_sizes, batch), hidden, params,
        has_biases, num_layers, drop_packed if train and drop > 0 else dropper, bidirectional,
    )  # fmt: skip
    return _packed(x, batch_sizes, rows), *states


def _is_packed(hx) -> bool:
    # The packed form has batch_sizes in second place: a tensor of integers.
    return not isinstance(hx, (tuple, list)) and not (
        hx.dtype.is_floating_point or hx.dtype.is_complex
    )


def _called(mode, input, hx, params, *options):
    """Both forms: (input, hx, params, *options), and (data, batch_sizes, hx, params, *options)."""
    if _is_packed(hx):
        batch_sizes, hx, params, *options = hx, params, *options
        hidden = tuple(hx) if mode == "lstm" else (hx,)
        return _run_packed(mode, input, batch_sizes, hidden, params, *options)
    return _run(mode, input, tuple(hx) if mode == "lstm" else (hx,), params, *options)


def lstm(
    input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first=False
):
    """A stack of LSTM layers: (output, h_n, c_n).

    input (L, N, I), or (N, L, I) with batch_first, or (L, I); hx = (h_0, c_0), each (layers *
    directions, N, H); params holds w_ih, w_hh, b_ih, b_hh, and w_hr where h is a projection, for
    each layer and direction. Gates: i, f, g, o. dropout acts on every layer's output but the last
    while training. Packed sequences: lstm(data, batch_sizes, hx, params, has_biases, num_layers,
    dropout, train, bidirectional), with the output packed.
    """
    return _called(
        "lstm",
        input,
        hx,
        params,
        has_biases,
        num_layers,
        dropout,
        train,
        bidirectional,
        batch_first,
    )


def gru(
    input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first=False
):
    """A stack of GRU layers: (output, h_n), as ``lstm``. Gates: r, z, n."""
    return _called(
        "gru", input, hx, params, has_biases, num_layers, dropout, train, bidirectional,
        batch_first,
    )  # fmt: skip


def rnn_tanh(
    input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first=False
):
    """A stack of layers h = tanh(w_ih x + b_ih + w_hh h + b_hh): (output, h_n)."""
    return _called(
        "rnn_tanh",
        input,
        hx,
        params,
        has_biases,
        num_layers,
        dropout,
        train,
        bidirectional,
        batch_first,
    )


def rnn_relu(
    input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first=False
):
    """A stack of layers h = relu(w_ih x + b_ih + w_hh h + b_hh): (output, h_n)."""
    return _called(
        "rnn_relu",
        input,
        hx,
        params,
        has_biases,
        num_layers,
        dropout,
        train,
        bidirectional,
        batch_first,
    )


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
