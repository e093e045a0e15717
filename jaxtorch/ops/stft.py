"""The short-time Fourier transform and its inverse."""

from __future__ import annotations

import jax
from jax import lax, numpy as jnp

from jaxtorch import dtypes
from jaxtorch.engine.handles import TensorBase
from jaxtorch.ops import _promote, padding
from jaxtorch.ops._dims import broadcast_to
from jaxtorch.ops._op import Array, check, op
from jaxtorch.ops.views import view_as_real

# Frames are cut as so many shifted copies of the signal's hops; of more, by a gather.
MOST_COPIES = 16


def _frames(x: jax.Array, size: int, hop: int, count: int) -> jax.Array:
    """(..., count, size): the pieces of the last dim that begin at 0, hop, 2 * hop ..."""
    copies = -(-size // hop)
    if copies > MOST_COPIES:
        places = hop * jnp.arange(count)[:, None] + jnp.arange(size)[None, :]
        return x[..., places]
    whole = (count + copies - 1) * hop
    x = lax.pad(
        x, jnp.zeros((), x.dtype), [(0, 0, 0)] * (x.ndim - 1) + [(0, whole - x.shape[-1], 0)]
    )
    hops = x.reshape((*x.shape[:-1], -1, hop))
    shifted = [hops[..., i : i + count, :] for i in range(copies)]
    return jnp.concatenate(shifted, -1)[..., :size]


def _padded(x: jax.Array, before: int, after: int) -> jax.Array:
    """x with zeros before and after the last dim; negative numbers cut."""
    edges = [(0, 0, 0)] * (x.ndim - 1) + [(before, after, 0)]
    return lax.pad(x, jnp.zeros((), x.dtype), edges)


def _overlap_add(frames: jax.Array, hop: int) -> jax.Array:
    """The sum of frames that begin at 0, hop, 2 * hop ...: the transpose of ``_frames``."""
    count, size = frames.shape[-2:]
    length = (count - 1) * hop + size
    shape = jax.ShapeDtypeStruct((*frames.shape[:-2], length), frames.dtype)
    return jax.linear_transpose(lambda x: _frames(x, size, hop, count), shape)(frames)[0]


def _centred(window: jax.Array | None, win_length: int, n_fft: int, dtype) -> jax.Array:
    """The window (None: ones) in the middle of n_fft points."""
    window = jnp.ones((win_length,), dtype) if window is None else window
    before = (n_fft - win_length) // 2
    return _padded(window, before, n_fft - win_length - before)


def _written(flag) -> str:
    return "None" if flag is None else str(int(flag))


def _described(name, x, window, options: dict, kind: str) -> str:
    """A call as torch's messages show it."""
    shown = "None"
    if window is not None:
        shown = f"torch.{_kind(window)}Tensor{{{list(window.shape)}}}"
    parts = [
        f"{key}={shown if key == 'window' else _written(value)}" for key, value in options.items()
    ]
    return f"{name}({kind}[{', '.join(map(str, x.shape))}], {', '.join(parts)})"


def _kind(x) -> str:
    return _promote.dtype_of(x).legacy


# --- forward ------------------------------------------------------------------------------------


def stft(
    input, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window=None,
    center: bool = True, pad_mode: str = "reflect", normalized: bool = False,
    onesided: bool | None = None, return_complex: bool | None = None,
    align_to_window: bool | None = None,
):  # fmt: skip
    """The Fourier transforms (..., frequencies, frames) of windowed pieces of a signal (..., time).

    The pieces begin ``hop_length`` (n_fft // 4) apart; with ``center`` they are centred there, on a
    signal padded by ``pad_mode``.
    """
    if center and align_to_window is not None:
        raise RuntimeError("stft align_to_window should only be set when center = false")
    if center and isinstance(input, TensorBase):
        shape = [1] * (3 - input.ndim) + list(input.shape)
        half = n_fft // 2
        padded = padding.pad(input.view(shape), [half, half], pad_mode)
        input = padded.view(padded.shape[-input.ndim :])
    found = _stft(
        input, window, n_fft, hop_length, win_length, normalized, onesided, return_complex,
        align_to_window,
    )  # fmt: skip
    # not given, it was either refused or the numbers are complex anyway
    return view_as_real(found) if return_complex is False else found


@op(name="TransposeBackward0")
def _stft(
    input: Array, window: Array | None, n_fft: int, hop_length: int | None, win_length: int | None,
    normalized: bool, onesided: bool | None, return_complex: bool | None,
    align_to_window: bool | None,
):  # fmt: skip
    hop = n_fft // 4 if hop_length is None else hop_length
    width = n_fft if win_length is None else win_length
    is_complex = any(x is not None and jnp.iscomplexobj(x) for x in (input, window))
    if return_complex is None and not is_complex:
        raise RuntimeError(
            "stft requires the return_complex parameter be given for real inputs, and will further "
            "require that return_complex=True in a future PyTorch release."
        )
    _check_stft(input, window, n_fft, hop, width, {
        "n_fft": n_fft, "hop_length": hop, "win_length": width, "window": window,
        "normalized": normalized, "onesided": onesided, "return_complex": return_complex,
        "align_to_window": align_to_window,
    })  # fmt: skip
    half = not is_complex if onesided is None else onesided
    if half and is_complex:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    x = input
    window = _centred(window, width, n_fft, _real(input))
    count = 1 + (x.shape[-1] - (width if align_to_window else n_fft)) // hop
    if align_to_window:  # the first window, and not the first n_fft points, begins the signal
        before = (n_fft - width) // 2
        x = _padded(x, before, n_fft - width - before)
    dtype = jnp.promote_types(x.dtype, window.dtype)
    frames = _frames(x, n_fft, hop, count).astype(dtype)
    frames = frames * broadcast_to(window.astype(dtype), frames.shape)
    if _promote.dtype_of(frames) in dtypes.HALF_TYPES:
        raise RuntimeError(f"MKL FFT doesn't support tensors of type: {_kind(frames)}")
    transform = jnp.fft.rfft if half else jnp.fft.fft
    return transform(frames, norm="ortho" if normalized else None).swapaxes(-1, -2)


def _real(x: jax.Array):
    return jnp.finfo(x.dtype).dtype if not _promote.is_integral(x) else jnp.float32


def _check_stft(x, window, n_fft, hop, width, options) -> None:
    call = _described("stft", x, window, options, f"torch.{_kind(x)}Tensor")
    if _promote.is_integral(x):
        raise RuntimeError(f"{call} : expected a tensor of floating point or complex values")
    if x.ndim not in (1, 2):
        raise RuntimeError(f"{call} : expected a 1D or 2D tensor")
    length = x.shape[-1]
    if not 0 < n_fft <= length:
        raise RuntimeError(f"{call} : expected 0 < n_fft < {length}, but got n_fft={width}")
    if hop <= 0:
        raise RuntimeError(f"{call} : expected hop_length > 0, but got hop_length={hop}")
    if not 0 < width <= n_fft:
        raise RuntimeError(f"{call} : expected 0 < win_length <= n_fft, but got win_length={width}")
    if window is not None and window.shape != (width,):
        raise RuntimeError(
            f"{call} : expected a 1D window tensor of size equal to win_length={width}, but got "
            f"window with size {list(window.shape)}"
        )


# --- inverse ------------------------------------------------------------------------------------


@op(name="IndexBackward0", prompt=True)
def istft(
    input: Array, n_fft: int, hop_length: int | None = None, win_length: int | None = None,
    window: Array | None = None, center: bool = True, normalized: bool = False,
    onesided: bool | None = None, length: int | None = None, return_complex: bool = False,
):  # fmt: skip
    """The signal (..., time) whose stft is (..., frequencies, frames), or nearest to it.

    The windows' squares must not add up to 0 at any point of it.
    """
    hop = n_fft // 4 if hop_length is None else hop_length
    width = n_fft if win_length is None else win_length
    half = input.shape[-2] != n_fft if onesided is None else onesided
    call = _described("istft", input, window, {
        "n_fft": n_fft, "hop_length": hop, "win_length": width, "window": window, "center": center,
        "normalized": normalized, "onesided": onesided, "length": length,
        "return_complex": return_complex,
    }, f"CPU{_kind(input)}Type")  # fmt: skip
    if length is not None:
        call = call.replace(f"length={int(length)}, return", f"length={length}, return")
    _check_istft(input, window, n_fft, hop, width, half, return_complex, call)
    x = input.swapaxes(-1, -2)
    real = _real(input)
    window = _centred(window, width, n_fft, real)
    norm = "ortho" if normalized else None
    if return_complex:
        frames = jnp.fft.ifft(x, norm=norm)
    else:
        if not half:
            x = x[..., : n_fft // 2 + 1]
        frames = jnp.fft.irfft(x, n_fft, norm=norm)
    dtype = jnp.promote_types(frames.dtype, window.dtype)
    weights = broadcast_to(window.astype(dtype), frames.shape)
    signal = _overlap_add(frames.astype(dtype) * weights, hop)
    squares = broadcast_to(window * window, (x.shape[-2], n_fft))
    envelope = _overlap_add(squares, hop)
    start = n_fft // 2 if center else 0
    whole = signal.shape[-1]
    if length is not None:
        end = start + length
    else:
        end = whole - n_fft // 2 if center else whole
    signal, envelope = signal[..., start:end], envelope[start:end]
    lowest = jnp.min(jnp.abs(envelope), initial=jnp.inf)
    told = f"{call} window overlap add min: 1".replace("{", "{{").replace("}", "}}")
    signal = check(signal, lowest > 1e-11, jnp.zeros((), jnp.int32), told, RuntimeError)
    signal = signal / broadcast_to(envelope.astype(dtype), signal.shape)
    return _padded(signal, 0, end - start - signal.shape[-1])


def _check_istft(x, window, n_fft, hop, width, half, return_complex, call) -> None:
    if not jnp.iscomplexobj(x):
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with "
            "return_complex=True."
        )
    if not x.size:
        raise RuntimeError(f"{call} : input tensor cannot be empty.")
    if x.ndim not in (2, 3):
        raise RuntimeError(
            f"{call} : expected a tensor with 3 or 4 dimensions, but got {x.ndim + 1}"
        )
    bins = n_fft // 2 + 1 if half else n_fft
    if x.shape[-2] != bins:
        raise RuntimeError(
            f"{call} : expected the frequency dimension (3rd to the last) of the input tensor to "
            f"match n_fft {'/ 2 + 1 ' if half else ''}when onesided={half}, but got {x.shape[-2]}"
        )
    if not 0 < hop <= width:
        raise RuntimeError(f"{call} : expected 0 < hop_length <= win_length")
    if not 0 < width <= n_fft:
        raise RuntimeError(f"{call} : expected 0 < win_length <= n_fft")
    if window is not None and window.shape != (width,):
        raise RuntimeError(
            f"{call} : Invalid window shape. window has to be 1D and length of `win_length`"
        )
    complex_window = window is not None and jnp.iscomplexobj(window)
    if complex_window and not return_complex:
        raise RuntimeError("Complex windows are incompatible with return_complex=False")
    if return_complex and half:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
