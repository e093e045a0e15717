"""torch's functions with their own order of arguments, and what their backward needs."""

from tests import oracle
from tests.oracle import F, I, V, row

inf = float("inf")
KEPT = {"node": False, "dtypes": ""}
X = F(2, 4, 3)
VECTORS = [F(4), F(4)]
STATS = [F(4, grad=False), F(4, low=0.5, high=2.0, grad=False)]
GRID = F(1, 2, 2, 2, low=-1.0, high=1.0)
SIGNS = V([1.0, -1.0, 1.0], grad=False)

ROWS = [
    row("batch_norm", X, *VECTORS, *STATS, False, 0.1, 1e-5, False, **KEPT),
    row("instance_norm", X, *VECTORS, *STATS, False, 0.1, 1e-5, False, **KEPT),
    row("native_batch_norm", X, *VECTORS, *STATS, True, 0.1, 1e-5, out=False, **KEPT),
    row("_native_batch_norm_legit", X, *VECTORS, *STATS, True, 0.1, 1e-5, out=False, **KEPT),
    row("_native_batch_norm_legit", X, None, None, True, 0.1, 1e-5, out=False, **KEPT),
    row("ops.aten._batch_norm_with_update", X, *VECTORS, *STATS, 0.1, 1e-5, out=False, **KEPT),
    row("native_layer_norm", X, (4, 3), F(4, 3), None, 1e-5, out=False, **KEPT),
    row("native_group_norm", F(0, 4, 3), *VECTORS, 0, 4, 3, 2, 1e-5, out=False, trace=False,
        **KEPT),
    row("native_group_norm", F(2, 4, 3, grad=False), *VECTORS, 2, 4, 3, 2, 1e-5, out=False, **KEPT),
    row("_softmax", F(2, 3), 1, False, **KEPT),
    row("_log_softmax", F(2, 3), 0, False, **KEPT),
    row("_softmax_backward_data", F(2, 3), F(2, 3), 1, input_dtype="float32", out=False, **KEPT),
    row("_log_softmax_backward_data", F(2, 3), F(2, 3), 1, input_dtype="float32", out=False,
        **KEPT),
    row("ops.aten._safe_softmax.default", V([[1.0, -inf], [-inf, -inf]]), 1, **KEPT),
    row("ops.aten.native_dropout_backward.default", F(3), V([True, False, True]), 2.0, **KEPT),
    row("ops.aten.slice.Tensor", F(2, 7), 1, 1, -1, 2, **KEPT),
    row("ops.aten._upsample_bilinear2d_aa.default", F(1, 1, 6, 5), [3, 4], False, **KEPT),
    row("ops.aten.max_pool2d_with_indices_backward", F(1, 1, 2, 2), F(1, 1, 4, 4), [2, 2], [2, 2],
        [0, 0], [1, 1], False, V([[[[0, 3], [9, 10]]]]), **KEPT),
    row("embedding", F(5, 3), I(2, 2, low=0, high=5), -1, **KEPT),
    row("convolution", F(1, 2, 5), F(3, 2, 2), F(3), [2], [1], [1], False, [0], 1, **KEPT),
    row("convolution", F(1, 2, 4, 4), F(2, 3, 2, 2), None, [2, 1], [1, 0], [1, 1], True, [1, 0], 1,
        **KEPT),
    row("affine_grid_generator", F(1, 2, 3), [1, 1, 2, 3], True, **KEPT),
    row("grid_sampler", F(1, 2, 3, 3), GRID, 0, 1, False, **KEPT),
    row("grid_sampler_2d", F(1, 2, 3, 3), GRID, 2, 0, True, **KEPT),
    row("grid_sampler_3d", F(1, 2, 3, 3, 3), F(1, 2, 2, 2, 3), 0, 0, True, **KEPT),
    row("kl_div", F(3, 4), F(3, 4, low=0.1, high=1.0), 2, **KEPT),
    row("poisson_nll_loss", F(3), F(3, low=0.0, high=3.0, grad=False), True, True, 1e-8, 0, **KEPT),
    row("cosine_embedding_loss", F(3, 4), F(3, 4), SIGNS, 0.2, 0, **KEPT),
    row("hinge_embedding_loss", F(3), SIGNS, 0.5, 2, **KEPT),
    row("margin_ranking_loss", F(3), F(3), SIGNS, 0.5, 1, **KEPT),
    row("triplet_margin_loss", F(3, 4), F(3, 4), F(3, 4), 1.0, 2.0, 1e-6, True, 2, **KEPT),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
