"""Recurrent layers: RNN, LSTM and GRU over sequences, and their single cells."""

from __future__ import annotations

import math
import warnings

from jaxtorch.nn import init
from jaxtorch.nn.modules.module import Module
from jaxtorch.nn.parameter import blank
from jaxtorch.nn.utils.rnn import PackedSequence
from jaxtorch.ops import recurrent
from jaxtorch.tensor import Tensor

__all__ = ["GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNBase", "RNNCell", "RNNCellBase"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


def _autocast() -> bool:
    from jaxtorch.amp.casting import state

    return any(state.enabled.values())


class RNNBase(Module):
    """What the recurrent layers share: stacked, in one direction or both.

    input (L, N, input_size), or (N, L, input_size) with ``batch_first``, or without N; hidden state
    (num_layers * directions, N, hidden_size). Weights are named ``weight_ih_l0``, ``weight_hh_l0``,
    ``bias_ih_l0``, ``bias_hh_l0``, with ``_reverse`` behind for the other direction.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        _check_arguments(
            mode, input_size, hidden_size, num_layers, bias, batch_first, dropout, proj_size
        )
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._all_weights: list[list[str]] = []
        gates = _GATES[mode] * hidden_size
        state_size = proj_size or hidden_size
        for layer in range(num_layers):
            for suffix in ("", "_reverse")[: self._directions]:
                layer_input = input_size if layer == 0 else state_size * self._directions
                shapes = {"weight_ih": (gates, layer_input), "weight_hh": (gates, state_size)}
                if bias:
                    shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                names = []
                for kind, shape in shapes.items():
                    names.append(f"{kind}_l{layer}{suffix}")
                    self.register_parameter(names[-1], blank(shape, device, dtype))
                self._all_weights.append(names)
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Tensor]:
        return [getattr(self, name) for name in self._flat_weights_names]

    @property
    def all_weights(self) -> list[list[Tensor]]:
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    _torch_has_too = ("_flat_weights_names", "_flat_weights")  # in what it pickles

    def __setstate__(self, state: dict) -> None:
        super().__setstate__({k: v for k, v in state.items() if k not in self._torch_has_too})

    def flatten_parameters(self) -> None:
        """Nothing to do: there is no cuDNN buffer to lay weights out in."""

    def reset_parameters(self) -> None:
        bound = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    # -- checks ---------------------------------------------------------------------------------

    def check_input(self, input: Tensor, batch_sizes: Tensor | None) -> None:
        dtype = self._flat_weights[0].dtype
        if input.dtype is not dtype and not _autocast():
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({dtype}). Convert "
                f"input: input.to({dtype}), or convert model: model.to({input.dtype})"
            )
        expected = 3 if batch_sizes is None else 2
        if input.dim() != expected:
            raise RuntimeError(f"input must have {expected} dimensions, got {input.dim()}")
        if input.size(-1) != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                f"{input.size(-1)}"
            )

    def check_hidden_size(
        self,
        hx: Tensor,
        expected_hidden_size: tuple[int, int, int],
        msg: str = "Expected hidden size {}, got {}",
    ) -> None:
        if tuple(hx.shape) != tuple(expected_hidden_size):
            raise RuntimeError(msg.format(tuple(expected_hidden_size), list(hx.shape)))

    def _state_shape(self, batch: int, size: int) -> tuple[int, int, int]:
        return (self.num_layers * self._directions, batch, size)

    def check_forward_args(self, input: Tensor, hidden, batch_sizes: Tensor | None) -> None:
        self.check_input(input, batch_sizes)
        batch = _batch(input, batch_sizes, self.batch_first)
        self.check_hidden_size(hidden, self._state_shape(batch, self.hidden_size))

    # -- forward --------------------------------------------------------------------------------

    def _initial(self, input: Tensor, batch: int):
        return input.new_zeros(self._state_shape(batch, self.hidden_size))

    def _run(self, input: Tensor, hx, batch_sizes: Tensor | None):
        function = {
            "LSTM": recurrent.lstm,
            "GRU": recurrent.gru,
            "RNN_TANH": recurrent.rnn_tanh,
            "RNN_RELU": recurrent.rnn_relu,
        }[self.mode]
        options = (self.bias, self.num_layers, self.dropout, self.training, self.bidirectional)
        if batch_sizes is not None:
            return function(input, batch_sizes, hx, self._flat_weights, *options)
        return function(input, hx, self._flat_weights, *options, self.batch_first)

    def _states(self, hx, change):
        """``change`` on the state (on both of an LSTM's)."""
        return change(hx)

    def _check_state_dims(self, hx, batched: bool) -> None:
        wanted = 3 if batched else 2
        if hx.dim() != wanted:
            kind = "batched 3-D" if batched else "unbatched 2-D"
            raise RuntimeError(
                f"For {kind} input, hx should also be {wanted}-D but got {hx.dim()}-D tensor"
            )

    def forward(self, input, hx=None):
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        if input.dim() not in (2, 3):
            what = "tensor instead" if self.mode.startswith("RNN") else "instead"
            raise ValueError(
                f"{self._get_name()}: Expected input to be 2D or 3D, got {input.dim()}D {what}"
            )
        batched = input.dim() == 3
        batch_dim = 0 if self.batch_first else 1
        if hx is not None:
            self._check_state_dims(hx, batched)
        if not batched:
            input = input.unsqueeze(batch_dim)
            hx = None if hx is None else self._states(hx, lambda h: h.unsqueeze(1))
        if hx is None:
            hx = self._initial(input, input.size(batch_dim))
        self.check_forward_args(input, hx, None)
        output, *hidden = self._run(input, hx, None)
        hidden = self._joined(hidden)
        if not batched:
            output = output.squeeze(batch_dim)
            hidden = self._states(hidden, lambda h: h.squeeze(1))
        return output, hidden

    def _forward_packed(self, packed: PackedSequence, hx):
        data, batch_sizes, sorted_indices, unsorted_indices = packed
        if hx is None:
            hx = self._initial(data, int(batch_sizes[0]))
        elif sorted_indices is not None:
            hx = self._states(hx, lambda h: h.index_select(1, sorted_indices))
        self.check_forward_args(data, hx, batch_sizes)
        output, *hidden = self._run(data, hx, batch_sizes)
        hidden = self._joined(hidden)
        if unsorted_indices is not None:
            hidden = self._states(hidden, lambda h: h.index_select(1, unsorted_indices))
        return PackedSequence(output, batch_sizes, sorted_indices, unsorted_indices), hidden

    def _joined(self, hidden: list[Tensor]):
        return hidden[0]

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        parts += [f"proj_size={self.proj_size}"] * (self.proj_size != 0)
        parts += [f"num_layers={self.num_layers}"] * (self.num_layers != 1)
        parts += [f"bias={self.bias}"] * (self.bias is not True)
        parts += [f"batch_first={self.batch_first}"] * (self.batch_first is not False)
        parts += [f"dropout={self.dropout}"] * (self.dropout != 0)
        parts += [f"bidirectional={self.bidirectional}"] * (self.bidirectional is not False)
        return ", ".join(parts)


def _check_arguments(
    mode, input_size, hidden_size, num_layers, bias, batch_first, dropout, proj_size
) -> None:
    if mode not in _GATES:
        raise ValueError("Unrecognized RNN mode: " + mode)
    if isinstance(dropout, bool) or not isinstance(dropout, int | float) or not 0 <= dropout <= 1:
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element "
            "being zeroed"
        )
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout "
            f"expects num_layers greater than 1, but got dropout={dropout} and "
            f"num_layers={num_layers}",
            stacklevel=4,
        )
    types = {"bias": bool, "batch_first": bool, "input_size": int, "hidden_size": int}
    values = {
        "bias": bias, "batch_first": batch_first, "input_size": input_size,
        "hidden_size": hidden_size,
    }  # fmt: skip
    for name, value in values.items():
        if not isinstance(value, types[name]):
            raise TypeError(
                f"{name} should be of type {types[name].__name__}, got: {type(value).__name__}"
            )
    for name in ("input_size", "hidden_size"):
        if values[name] <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if num_layers <= 0:
        raise ValueError("num_layers must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")


def _batch(input: Tensor, batch_sizes: Tensor | None, batch_first: bool) -> int:
    if batch_sizes is not None:
        return int(batch_sizes[0])
    return input.size(0 if batch_first else 1)


def _refuse_projection(kwargs: dict) -> None:
    if "proj_size" in kwargs:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")


class RNN(RNNBase):
    """``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)``, or relu: output (L, N, directions *
    hidden_size)."""

    def __init__(self, *args, **kwargs) -> None:
        _refuse_projection(kwargs)
        if len(args) > 3:
            nonlinearity = args[3]
            args = args[:3] + args[4:]
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        super().__init__(f"RNN_{nonlinearity.upper()}", *args, **kwargs)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory; the state is a pair (h, c), and ``proj_size`` makes h smaller than
    c."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__("LSTM", *args, **kwargs)

    def _initial(self, input: Tensor, batch: int):
        h = input.new_zeros(self._state_shape(batch, self.proj_size or self.hidden_size))
        return h, input.new_zeros(self._state_shape(batch, self.hidden_size))

    def _states(self, hx, change):
        return change(hx[0]), change(hx[1])

    def _joined(self, hidden: list[Tensor]):
        return hidden[0], hidden[1]

    def _check_state_dims(self, hx, batched: bool) -> None:
        wanted = 3 if batched else 2
        if hx[0].dim() != wanted or hx[1].dim() != wanted:
            kind = "batched 3-D" if batched else "unbatched 2-D"
            raise RuntimeError(
                f"For {kind} input, hx and cx should also be {wanted}-D but got "
                f"({hx[0].dim()}-D, {hx[1].dim()}-D) tensors"
            )

    def check_forward_args(self, input: Tensor, hidden, batch_sizes: Tensor | None) -> None:
        self.check_input(input, batch_sizes)
        batch = _batch(input, batch_sizes, self.batch_first)
        sizes = (self.proj_size or self.hidden_size, self.hidden_size)
        for i, size in enumerate(sizes):
            self.check_hidden_size(
                hidden[i],
                self._state_shape(batch, size),
                f"Expected hidden[{i}] size {{}}, got {{}}",
            )


class GRU(RNNBase):
    """Gated recurrent unit, with PyTorch's placement of ``b_hn`` inside the reset gate."""

    def __init__(self, *args, **kwargs) -> None:
        _refuse_projection(kwargs)
        super().__init__("GRU", *args, **kwargs)


# -------------------------------------------------------------------------------------------------
# Cells


class RNNCellBase(Module):
    """One step of a recurrent layer: input (N, input_size) or (input_size,), state (N,
    hidden_size)."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        gates = num_chunks * hidden_size
        self.weight_ih = blank((gates, input_size), device, dtype)
        self.weight_hh = blank((gates, hidden_size), device, dtype)
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, blank((gates,), device, dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        parts += [f"bias={self.bias}"] * (self.bias is not True)
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        parts += [f"nonlinearity={nonlinearity}"] * (nonlinearity != "tanh")
        return ", ".join(parts)

    def _weights(self) -> tuple:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def _step(
        self, function, input: Tensor, states: tuple[Tensor, ...] | None, count: int
    ) -> tuple:
        """``function`` on a batch, whether or not the input is one; ``count`` states, zero if
        None."""
        name = self._get_name()
        if input.dim() not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        for i, state in enumerate(states or ()):
            if state.dim() not in (1, 2):
                which = "hidden" if count == 1 else f"hx[{i}]"
                raise ValueError(
                    f"{name}: Expected {which} to be 1D or 2D, got {state.dim()}D instead"
                )
        batched = input.dim() == 2
        if not batched:
            input = input.unsqueeze(0)
            states = states and tuple(state.unsqueeze(0) for state in states)
        if states is None:
            states = (input.new_zeros((input.size(0), self.hidden_size)),) * count
        new = function(input, states if count > 1 else states[0], *self._weights())
        new = new if count > 1 else (new,)
        return tuple(new) if batched else tuple(state.squeeze(0) for state in new)


class RNNCell(RNNCellBase):
    """``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)``, or relu."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device=None,
        dtype=None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        cell = recurrent.rnn_tanh_cell if self.nonlinearity == "tanh" else recurrent.rnn_relu_cell
        return self._step(cell, input, None if hx is None else (hx,), 1)[0]


class LSTMCell(RNNCellBase):
    """One step of an LSTM; the state is a pair (h, c)."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device=None, dtype=None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        return self._step(recurrent.lstm_cell, input, None if hx is None else tuple(hx), 2)


class GRUCell(RNNCellBase):
    """One step of a GRU."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device=None, dtype=None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._step(recurrent.gru_cell, input, None if hx is None else (hx,), 1)[0]
