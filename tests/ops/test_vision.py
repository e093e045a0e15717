"""Pixel shuffles, patches, sampling by a grid, and other sizes."""

import functools

import numpy as np
import pytest

import jaxtorch
from tests import oracle
from tests.oracle import F, I, raises, row

IMAGE = F(2, 3, 5, 6)
GRID = F(2, 4, 5, 2, low=-1.2, high=1.2)
CLOSE = {"limits": (2e-4, 2e-5)}  # positions in float32: a cancellation differs in its last bits
FN = "nn.functional."
BYTES = I(1, 2, 5, 6, low=0, high=256, dtype="uint8")


def image(name, *args, **options):
    return row(FN + name, *args, node=False, **options)


ROWS = [
    image("pixel_shuffle", F(2, 8, 3, 4), 2),
    image("pixel_unshuffle", F(2, 3, 4, 6), 2),
    image("pixel_shuffle", F(1, 0, 1, 1), 2, trace=False),
    image("pixel_unshuffle", F(1, 0, 1, 1), 1, trace=False),
    raises(FN + "pixel_shuffle", F(3, 3, 4), 2, error=RuntimeError, text="is not divisible by 4"),
    image("unfold", IMAGE, 3),
    image("unfold", F(3, 6, 7), (2, 3), padding=1, stride=2),
    image("unfold", IMAGE, 2, dilation=2, padding=(1, 0)),
    raises(FN + "unfold", F(2, 3, 2, 2), 3, error=RuntimeError, text="components must be at least"),
    image("fold", F(2, 27, 12), (5, 6), 3),
    image("fold", F(12, 3), (3, 5), 2, stride=2, padding=(0, 1), dilation=1, grad=False),
    raises(FN + "fold", F(2, 9, 5), (6, 7), 3, error=RuntimeError, text="blocks 4 * 5 = 20, but"),
    image("affine_grid", F(2, 2, 3), (2, 3, 4, 5), align_corners=False, **CLOSE),
    image("affine_grid", F(2, 3, 4), (2, 3, 4, 5, 3), align_corners=True, **CLOSE),
    *(
        image("grid_sample", IMAGE, GRID, mode, padding, align_corners=corners, **CLOSE)
        for mode, padding, corners in (
            ("bilinear", "zeros", False),
            ("bilinear", "border", True),
            ("bilinear", "reflection", False),
            ("nearest", "zeros", True),
            ("nearest", "reflection", True),
            ("bicubic", "zeros", False),
            ("bicubic", "border", True),
        )
    ),
    image("grid_sample", F(2, 3, 4, 3, 5), F(2, 2, 2, 3, 3), align_corners=False, **CLOSE),
    *(
        image("interpolate", IMAGE, size, scale, mode, corners, **CLOSE)
        for size, scale, mode, corners in (
            ((7, 9), None, "nearest", None),
            (None, 2, "nearest", None),
            (None, 0.6, "nearest-exact", None),
            ((10, 4), None, "bilinear", False),
            (None, 2.0, "bilinear", True),
            (None, (1.3, 0.7), "bilinear", False),
            ((7, 3), None, "bicubic", False),
            (None, 2.0, "bicubic", True),
            ((3, 2), None, "area", None),
        )
    ),
    image("interpolate", BYTES, (3, 4), mode="bilinear"),
    image("interpolate", BYTES, (8, 9), mode="bicubic"),
    image("interpolate", BYTES, (3, 4), mode="bicubic", antialias=True),
    image("interpolate", IMAGE, scale_factor=1.5, recompute_scale_factor=True, mode="bilinear"),
    image("interpolate", IMAGE, size=(3, 4), mode="bilinear", antialias=True, **CLOSE),
    image("interpolate", IMAGE, size=(3, 4), mode="lanczos", antialias=True, **CLOSE),
    image("interpolate", IMAGE, scale_factor=1.6, mode="lanczos", antialias=True, **CLOSE),
    image("interpolate", BYTES, (3, 8), mode="lanczos", antialias=True),
    image("interpolate", F(2, 3, 5), scale_factor=1.7, mode="linear", **CLOSE),
    image("interpolate", F(1, 2, 3, 4, 2), scale_factor=1.5, mode="trilinear", **CLOSE),
    raises(FN + "interpolate", IMAGE, error=ValueError, text="either size or scale_factor"),
    raises(FN + "interpolate", IMAGE, 3, align_corners=True, error=ValueError, text="can only"),
    raises(FN + "interpolate", F(2, 3, 4), 3, mode="bilinear", 
           error=NotImplementedError, text="Got 3D"),
    raises(FN + "interpolate", IMAGE, 3, mode="lanczos", error=ValueError, text="requires anti"),
    raises(FN + "interpolate", IMAGE, 3, None, "lanczos", True, None, True,
           error=ValueError, text="Lanczos mode does not support align_corners=True"),
    raises(FN + "interpolate", IMAGE, (2.5, 3), error=TypeError, text="size with types [<class 'f"),
    raises(FN + "interpolate", IMAGE, 0, error=RuntimeError, text="(H: 5, W: 6) output (H: 0, W:"),
    raises(FN + "interpolate", F(2, 3, 5), 0, mode="linear",
           error=RuntimeError, text="(W: 5) and output (W: 0)"),
    raises(FN + "interpolate", F(2, 0, 5, 6), 3, error=RuntimeError, text="Non-empty 4D data"),
    raises(FN + "interpolate", F(2, 3, 5), 3, mode="bicubic",
           error=NotImplementedError, text="bicubic | trilinear | lanczos | area"),
    raises(FN + "grid_sample", IMAGE, F(2, 2, 2, 2, dtype="float64"), align_corners=False,
           error=RuntimeError, text="expected scalar type Float but found Double"),
    raises(FN + "grid_sample", IMAGE, F(1, 2, 2, 2), align_corners=False,
           error=RuntimeError, text="to have same batch size"),
    raises(FN + "grid_sample", IMAGE, F(2, 2, 2, 3), align_corners=False,
           error=RuntimeError, text="to have size 2 in last dimension, but got grid"),
    raises(FN + "grid_sample", F(2, 3, 0, 2), F(2, 2, 2, 2), align_corners=False,
           error=RuntimeError, text="with dimension 2 being empty"),
    raises(FN + "affine_grid", F(2, 2, 3), (2, 3, 0, 5), align_corners=False,
           error=ValueError, text="Expected non-zero, positive output size. Got (2, 3, 0, 5)"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)


def test_corners_that_are_not_spoken_of_are_warned_of():
    theta = jaxtorch.eye(2, 3)[None]
    with pytest.warns(UserWarning, match="changed to align_corners=False since 1.3.0"):
        grid = jaxtorch.nn.functional.affine_grid(theta, (1, 1, 2, 2))
    with pytest.warns(UserWarning, match="changed to align_corners=False since 1.3.0"):
        jaxtorch.nn.functional.grid_sample(jaxtorch.ones(1, 1, 2, 2), grid)


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_half_types_are_sampled_where_they_say(mode):
    """Places are computed in float32; torch's, in bfloat16, are whole pixels off."""
    rows = np.random.RandomState(0)
    image = jaxtorch.from_numpy(rows.randn(2, 3, 9, 20)).to(jaxtorch.bfloat16)
    grid = jaxtorch.from_numpy(rows.uniform(-1.2, 1.2, (2, 13, 10, 2))).to(jaxtorch.bfloat16)
    sample = functools.partial(jaxtorch.nn.functional.grid_sample, mode=mode, align_corners=False)
    mine, exact = sample(image, grid), sample(image.float(), grid.float())
    assert mine.dtype is jaxtorch.bfloat16
    assert ((mine.float() - exact).abs() <= 2**-8 * exact.abs() + 1e-6).all()


def test_a_default_that_has_changed_is_told():
    F = jaxtorch.nn.functional
    image = jaxtorch.ones(1, 1, 2, 2)
    with pytest.warns(UserWarning, match="has changed to align_corners=False"):
        grid = F.affine_grid(jaxtorch.ones(1, 2, 3), (1, 1, 2, 2))
    with pytest.warns(UserWarning, match="has changed to align_corners=False"):
        F.grid_sample(image, grid)
    with pytest.warns(UserWarning, match="upsample_bilinear` is deprecated"):
        F.upsample_bilinear(image, scale_factor=2)
