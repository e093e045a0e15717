"""Fourier transforms."""

from tests import oracle
from tests.oracle import F, raises, row

R = F(3, 4)
C = F(3, 4, dtype="complex64")
NODE = {"node": False}
CLOSE = {"limits": (5e-5, 1e-5)}

ROWS = [
    *(row(f"fft.{name}", R, **NODE) for name in
      "fft ifft rfft ihfft fft2 ifft2 rfft2 fftn ifftn rfftn fftshift ifftshift".split()),
    *(row(f"fft.{name}", C, **NODE) for name in
      "fft ifft irfft hfft fft2 ifft2 irfft2 fftn ifftn irfftn".split()),
    row("fft.fft", R, 6, dim=0, norm="ortho", **NODE),
    row("fft.fft", R, 2, norm="forward", **NODE),
    row("fft.irfft", C, n=5, **NODE),
    row("fft.rfft", R, dim=0, **NODE),
    row("fft.fftn", R, s=(4, 4), **NODE),
    row("fft.fftn", R, dim=(0,), norm="ortho", **NODE),
    row("fft.rfft2", R, s=(2, -1), **NODE),
    row("fft.fft", F(2, 3, dtype="float64"), **NODE),
    row("fft.fftshift", R, dim=1, **NODE),
    row("fft.hfft2", C, **NODE),
    row("fft.hfftn", C, (4, 4), **NODE),
    row("fft.ihfft2", R, norm="ortho", **NODE),
    row("fft.ihfftn", R, **NODE),
    row("stft", F(20), 8, 3, return_complex=True, **NODE),
    row("stft", F(2, 20), 8, 2, 6, F(6, low=0.5, high=1), pad_mode="constant", normalized=True,
        return_complex=True, **NODE),
    row("stft", F(20), 8, center=False, onesided=False, return_complex=False, **NODE),
    row("stft", F(20), 8, 4, 6, center=False, align_to_window=True, return_complex=True, **NODE),
    row("stft", F(20, dtype="complex64"), 8, **NODE),
    row("stft", F(40), 20, 1, return_complex=True, **NODE),
    row("istft", F(5, 6, dtype="complex64"), 8, window=F(8, low=0.5, high=1), **NODE, **CLOSE),
    row("istft", F(2, 5, 6, dtype="complex64"), 8, 2, 6, length=9, normalized=True, **NODE,
        **CLOSE),
    row("istft", F(8, 6, dtype="complex64"), 8, return_complex=True, onesided=False, **NODE,
        **CLOSE),
    row("fft.fftfreq", 5, 0.5, out=False),
    row("fft.rfftfreq", 6, dtype="float64", out=False),
    raises("fft.rfft", C, error=RuntimeError,
           text="expects a real input tensor, but got ComplexFloat"),
    raises("fft.fft", F(dtype="float32"), error=IndexError,
           text="Dimension specified as -1 but tensor has no dimensions"),
    raises("fft.fft", F(3, dtype="float16"), error=RuntimeError, text="Unsupported dtype Half"),
    raises("fft.fftn", R, dim=(0, 0), error=RuntimeError, text="FFT dims must be unique"),
    raises("fft.irfftn", R, dim=(), error=RuntimeError,
           text="irfftn must transform at least one axis"),
    raises("stft", F(20), 8, error=RuntimeError,
           text="stft requires the return_complex parameter be given for real inputs"),
    raises("stft", F(20), 8, 0, return_complex=True, error=RuntimeError,
           text="expected hop_length > 0, but got hop_length=0"),
    raises("istft", F(5, 6, dtype="complex64"), 10, error=RuntimeError,
           text="expected the frequency dimension (3rd to the last) of the input tensor to match"),
    raises("fft.fft", R, norm="foo", error=RuntimeError, text='Invalid normalization mode: "foo"'),
    raises("fft.fft", R, 0, error=RuntimeError, text="Invalid number of data points (0) specified"),
    raises("fft.fft", R, dim=4, error=IndexError, text="Dimension out of range"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
