"""torch.nn.functional: a window on the ops.

PyTorch has some of these in torch as well, as functions of their own: they are twins here.
"""

from jaxtorch.ops._op import twin as _twin
from jaxtorch.ops.activation import (
    celu as celu,
    elu as elu,
    gelu as gelu,
    glu as glu,
    hardshrink as hardshrink,
    hardsigmoid as hardsigmoid,
    hardswish as hardswish,
    hardtanh as hardtanh,
    leaky_relu as leaky_relu,
    log_softmax as log_softmax,
    logsigmoid as logsigmoid,
    mish as mish,
    prelu as prelu,
    relu as relu,
    relu6 as relu6,
    selu as selu,
    silu as silu,
    softmax as softmax,
    softmin as softmin,
    softplus as softplus,
    softshrink as softshrink,
    softsign as softsign,
    tanhshrink as tanhshrink,
    threshold as threshold,
)
from jaxtorch.ops.attention import (
    scaled_dot_product_attention as scaled_dot_product_attention,
)
from jaxtorch.ops.class_loss import (
    cross_entropy as cross_entropy,
    nll_loss as nll_loss,
)
from jaxtorch.ops.conv import (
    conv1d as conv1d,
    conv2d as conv2d,
    conv3d as conv3d,
    conv_tbc as conv_tbc,
    conv_transpose1d as conv_transpose1d,
    conv_transpose2d as conv_transpose2d,
    conv_transpose3d as conv_transpose3d,
)
from jaxtorch.ops.ctc import (
    ctc_loss as ctc_loss,
)
from jaxtorch.ops.distance import (
    cosine_similarity as cosine_similarity,
    pairwise_distance as pairwise_distance,
    pdist as pdist,
)
from jaxtorch.ops.dropout import (
    alpha_dropout as alpha_dropout,
    dropout as dropout,
    dropout1d as dropout1d,
    dropout2d as dropout2d,
    dropout3d as dropout3d,
    feature_alpha_dropout as feature_alpha_dropout,
)
from jaxtorch.ops.embedding import (
    embedding as embedding,
    embedding_bag as embedding_bag,
    one_hot as one_hot,
)
from jaxtorch.ops.fractional_pooling import (
    fractional_max_pool2d as fractional_max_pool2d,
    fractional_max_pool2d_with_indices as fractional_max_pool2d_with_indices,
    fractional_max_pool3d as fractional_max_pool3d,
    fractional_max_pool3d_with_indices as fractional_max_pool3d_with_indices,
)
from jaxtorch.ops.grouped_mm import (
    grouped_mm as grouped_mm,
)
from jaxtorch.ops.interpolation import (
    interpolate as interpolate,
    upsample as upsample,
    upsample_bilinear as upsample_bilinear,
    upsample_nearest as upsample_nearest,
)
from jaxtorch.ops.linear import (
    bilinear as bilinear,
    linear as linear,
)
from jaxtorch.ops.linear_cross_entropy import (
    linear_cross_entropy as linear_cross_entropy,
)
from jaxtorch.ops.loss import (
    binary_cross_entropy as binary_cross_entropy,
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
    gaussian_nll_loss as gaussian_nll_loss,
    huber_loss as huber_loss,
    kl_div as kl_div,
    l1_loss as l1_loss,
    mse_loss as mse_loss,
    poisson_nll_loss as poisson_nll_loss,
    smooth_l1_loss as smooth_l1_loss,
)
from jaxtorch.ops.margin_loss import (
    cosine_embedding_loss as cosine_embedding_loss,
    hinge_embedding_loss as hinge_embedding_loss,
    margin_ranking_loss as margin_ranking_loss,
    multi_margin_loss as multi_margin_loss,
    multilabel_margin_loss as multilabel_margin_loss,
    multilabel_soft_margin_loss as multilabel_soft_margin_loss,
    soft_margin_loss as soft_margin_loss,
    triplet_margin_loss as triplet_margin_loss,
    triplet_margin_with_distance_loss as triplet_margin_with_distance_loss,
)
from jaxtorch.ops.multihead import (
    _canonical_mask as _canonical_mask,
    _none_or_dtype as _none_or_dtype,
    multi_head_attention_forward as multi_head_attention_forward,
)
from jaxtorch.ops.normalization import (
    batch_norm as batch_norm,
    group_norm as group_norm,
    instance_norm as instance_norm,
    layer_norm as layer_norm,
    local_response_norm as local_response_norm,
    normalize as normalize,
    rms_norm as rms_norm,
)
from jaxtorch.ops.padding import (
    pad as pad,
)
from jaxtorch.ops.pointwise import (
    sigmoid as sigmoid,
    tanh as tanh,
)
from jaxtorch.ops.pooling import (
    adaptive_avg_pool1d as adaptive_avg_pool1d,
    adaptive_avg_pool2d as adaptive_avg_pool2d,
    adaptive_avg_pool3d as adaptive_avg_pool3d,
    adaptive_max_pool1d as adaptive_max_pool1d,
    adaptive_max_pool1d_with_indices as adaptive_max_pool1d_with_indices,
    adaptive_max_pool2d as adaptive_max_pool2d,
    adaptive_max_pool2d_with_indices as adaptive_max_pool2d_with_indices,
    adaptive_max_pool3d as adaptive_max_pool3d,
    adaptive_max_pool3d_with_indices as adaptive_max_pool3d_with_indices,
    avg_pool1d as avg_pool1d,
    avg_pool2d as avg_pool2d,
    avg_pool3d as avg_pool3d,
    lp_pool1d as lp_pool1d,
    lp_pool2d as lp_pool2d,
    lp_pool3d as lp_pool3d,
    max_pool1d as max_pool1d,
    max_pool1d_with_indices as max_pool1d_with_indices,
    max_pool2d as max_pool2d,
    max_pool2d_with_indices as max_pool2d_with_indices,
    max_pool3d as max_pool3d,
    max_pool3d_with_indices as max_pool3d_with_indices,
)
from jaxtorch.ops.random_activation import (
    gumbel_softmax as gumbel_softmax,
    rrelu as rrelu,
    rrelu_ as rrelu_,
)
from jaxtorch.ops.shaping import (
    channel_shuffle as channel_shuffle,
)
from jaxtorch.ops.unpooling import (
    max_unpool1d as max_unpool1d,
    max_unpool2d as max_unpool2d,
    max_unpool3d as max_unpool3d,
)
from jaxtorch.ops.vision import (
    affine_grid as affine_grid,
    fold as fold,
    grid_sample as grid_sample,
    pixel_shuffle as pixel_shuffle,
    pixel_unshuffle as pixel_unshuffle,
    unfold_patches,
)
from jaxtorch.overrides import (
    handle_torch_function as handle_torch_function,
    has_torch_function as has_torch_function,
    has_torch_function_unary as has_torch_function_unary,
    has_torch_function_variadic as has_torch_function_variadic,
)

celu_ = celu.inplace
elu_ = elu.inplace
hardtanh_ = hardtanh.inplace
leaky_relu_ = leaky_relu.inplace
native_channel_shuffle = channel_shuffle
relu_ = relu.inplace
selu_ = selu.inplace
threshold_ = threshold.inplace
unfold = unfold_patches  # torch.nn.functional.unfold is not Tensor.unfold

adaptive_max_pool1d = _twin(adaptive_max_pool1d, __name__)
alpha_dropout = _twin(alpha_dropout, __name__)
binary_cross_entropy_with_logits = _twin(binary_cross_entropy_with_logits, __name__)
celu = _twin(celu, __name__)
ctc_loss = _twin(ctc_loss, __name__)
dropout = _twin(dropout, __name__)
feature_alpha_dropout = _twin(feature_alpha_dropout, __name__)
group_norm = _twin(group_norm, __name__)
layer_norm = _twin(layer_norm, __name__)
log_softmax = _twin(log_softmax, __name__)
max_pool1d = _twin(max_pool1d, __name__)
max_pool1d_with_indices = _twin(max_pool1d_with_indices, __name__)
max_pool2d = _twin(max_pool2d, __name__)
max_pool3d = _twin(max_pool3d, __name__)
relu = _twin(relu, __name__)
rms_norm = _twin(rms_norm, __name__)
rrelu = _twin(rrelu, __name__)
selu = _twin(selu, __name__)
sigmoid = _twin(sigmoid, __name__)
softmax = _twin(softmax, __name__)
tanh = _twin(tanh, __name__)
threshold = _twin(threshold, __name__)
