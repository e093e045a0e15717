"""Fourier transforms."""

from tests import oracle
from tests.oracle import F, raises, row

R = F(3, 4)
C = F(3, 4, dtype="complex64")
NODE = {"node": False}

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
    row("fft.fftfreq", 5, 0.5, out=False),
    row("fft.rfftfreq", 6, dtype="float64", out=False),
    raises("fft.rfft", C, error=RuntimeError,
           text="expects a real input tensor, but got ComplexFloat"),
    raises("fft.fft", R, norm="foo", error=RuntimeError, text='Invalid normalization mode: "foo"'),
    raises("fft.fft", R, 0, error=RuntimeError, text="Invalid number of data points (0) specified"),
    raises("fft.fft", R, dim=4, error=IndexError, text="Dimension out of range"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
