"""Dtypes that an op has no kernel for in torch are refused here too, in its words."""

from tests import oracle
from tests.oracle import B, F, I, raises

C = F(2, 3, dtype="complex64")
IMAGE = F(1, 2, 4, 4, dtype="complex64")
BITS = B(1, 2, 4, 4)


def kernel(name, *args, text, **kwargs):
    return raises(name, *args, error=NotImplementedError, text=text, **kwargs)


ROWS = [
    kernel("clamp", C, 1, text="clamp is not supported for complex types"),
    kernel("clamp", B(3), False, True, text='"clamp_scalar_cpu" not implemented for \'Bool\''),
    kernel("floor", C, text="floor is not supported for complex inputs"),
    kernel("round", I(3), decimals=2, text='"round_cpu" not implemented for \'Long\''),
    kernel("amax", C, text='"max_values_cpu" not implemented for \'ComplexFloat\''),
    kernel("max", C, text='"max_all" not implemented for \'ComplexFloat\''),
    raises("max", C, 1, error=RuntimeError, text="max(): does not support complex input"),
    raises("argmin", C, 1, error=RuntimeError, text="argmin(): does not support complex input"),
    kernel("aminmax", C, text='"aminmax_cpu" not implemented for \'ComplexFloat\''),
    kernel("cummax", C, 0, text='"cummax_cpu" not implemented for \'ComplexFloat\''),
    kernel("median", C, text='"median_cpu" not implemented for \'ComplexFloat\''),
    raises("sort", C, error=RuntimeError, text="Sort does not support complex dtypes on CPU"),
    raises("topk", B(3), 1, error=RuntimeError, text="topk does not support bool dtypes on CPU"),
    kernel("dot", B(3), B(3), text='"dot" not implemented for \'Bool\''),
    kernel("bmm", B(1, 2, 2), B(1, 2, 2), text='"bmm" not implemented for \'Bool\''),
    kernel("trace", B(2, 2), text='"trace" not implemented for \'Bool\''),
    kernel("lerp", I(3), I(3), I(3), text='"lerp_kernel_tensor" not implemented for \'Long\''),
    kernel("special.bessel_j0", C, text='"bessel_j0_cpu" not implemented for \'ComplexFloat\''),
    kernel("special.ndtri", C, text='"ndtri_cpu" not implemented for'),
    kernel("igamma", I(2), I(2), text='"igamma_cpu" not implemented for \'Long\''),
    raises("isposinf", C, error=RuntimeError, text="isposinf does not support complex inputs"),
    raises("isin", C, C, error=RuntimeError, text="Unsupported input type encountered for isin"),
    raises("trapezoid", B(2, 3), error=RuntimeError, text="received a bool input"),
    raises("cdist", I(2, 3), I(2, 3), error=RuntimeError, text="X1 got: Long"),
    raises("addcmul", F(2), F(2), F(2), value=1j, error=RuntimeError, text="to type float without"),
    raises("lerp", F(2), F(2), 1j, error=RuntimeError, text="to type float without overflow"),
    kernel("nn.functional.leaky_relu", C, text='"leaky_relu_cpu" not implemented for'),
    kernel("nn.functional.hardtanh", C, text="clamp is not supported for complex types"),
    kernel("nn.functional.threshold", C, 0.0, 1.0, text='"threshold_cpu" not implemented for'),
    kernel("log_softmax", C, 1, text='"log_softmax_lastdim_kernel_impl" not implemented for'),
    kernel("layer_norm", C, [3], text='"LayerNormKernelImpl" not implemented for'),
    kernel("nn.functional.group_norm", IMAGE, 1, text='"GroupNormKernelImpl" not implemented for'),
    kernel("nn.functional.max_pool2d", BITS, 2, text='"max_pool2d" not implemented for'),
    kernel("nn.functional.avg_pool2d", IMAGE, 2, text='"avg_pool2d" not implemented for'),
    kernel("nn.functional.adaptive_avg_pool2d", IMAGE, 2, text='"adaptive_avg_pool2d" not'),
    kernel("nn.functional.adaptive_max_pool2d", I(1, 2, 4, 4), 2, text='"adaptive_max_pool2d" not'),
    kernel("conv2d", BITS, B(1, 2, 2, 2), text='"slow_conv2d_cpu" not implemented for'),
    kernel("nn.functional.interpolate", IMAGE, 2, text='"upsample_nearest2d_channels_last" not'),
    kernel("nn.functional.pad", B(1, 2, 4), [1, 1], "reflect", text='"reflection_pad1d" not'),
    kernel("nn.functional.mse_loss", C, C, text='"mse_cpu" not implemented for'),
    kernel("nn.functional.smooth_l1_loss", I(3), I(3), text='"smooth_l1_cpu" not implemented for'),
    kernel("nn.functional.huber_loss", I(3), I(3), text='"huber_cpu" not implemented for'),
    raises("nn.functional.l1_loss", I(3), I(3), error=RuntimeError, text="infer output dtype"),
    raises("nn.functional.cosine_similarity", I(2, 3), I(2, 3), error=RuntimeError,
           text="expected common dtype to be floating point, yet common dtype is Long"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
