"""PyTorch's API and behaviour on JAX: ``import jaxtorch as torch``.

What is not named here is not public.
"""

from __future__ import annotations

from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi

from jaxtorch import autograd as autograd
from jaxtorch import cuda as cuda
from jaxtorch import devices as _devices
from jaxtorch import dtypes as _dtypes
from jaxtorch import engine as engine
from jaxtorch import fft as fft
from jaxtorch import func as func
from jaxtorch import linalg as linalg
from jaxtorch import nn as nn
from jaxtorch import optim as optim
from jaxtorch import random as random
from jaxtorch import return_types as return_types
from jaxtorch import special as special
from jaxtorch import utils as utils
from jaxtorch import version as version
from jaxtorch.alias import install as install
from jaxtorch.alias import uninstall as uninstall
from jaxtorch.autograd import (
    enable_grad as enable_grad,
    inference_mode as inference_mode,
    is_grad_enabled as is_grad_enabled,
    is_inference_mode_enabled as is_inference_mode_enabled,
    no_grad as no_grad,
    set_grad_enabled as set_grad_enabled,
)
from jaxtorch.compiling import compile as compile
from jaxtorch.compiling import jit as jit
from jaxtorch.devices import device as device
from jaxtorch.devices import get_default_device as get_default_device
from jaxtorch.devices import set_default_device as set_default_device
from jaxtorch.dtypes import (
    bfloat16 as bfloat16,
    bool as bool,
    can_cast as can_cast,
    cdouble as cdouble,
    cfloat as cfloat,
    complex64 as complex64,
    complex128 as complex128,
    double as double,
    dtype as dtype,
    finfo as finfo,
    float as float,
    float16 as float16,
    float32 as float32,
    float64 as float64,
    get_default_dtype as get_default_dtype,
    half as half,
    iinfo as iinfo,
    int as int,
    int8 as int8,
    int16 as int16,
    int32 as int32,
    int64 as int64,
    long as long,
    promote_types as promote_types,
    set_default_dtype as set_default_dtype,
    short as short,
    uint8 as uint8,
    uint16 as uint16,
    uint32 as uint32,
    uint64 as uint64,
)
from jaxtorch.engine import explain as explain
from jaxtorch.engine import stats as stats
from jaxtorch.func import vmap as vmap
from jaxtorch.legacy import (
    BFloat16Tensor as BFloat16Tensor,
    BoolTensor as BoolTensor,
    ByteTensor as ByteTensor,
    CharTensor as CharTensor,
    DoubleTensor as DoubleTensor,
    FloatTensor as FloatTensor,
    HalfTensor as HalfTensor,
    IntTensor as IntTensor,
    LongTensor as LongTensor,
    ShortTensor as ShortTensor,
    is_complex as is_complex,
    is_floating_point as is_floating_point,
    is_nonzero as is_nonzero,
    is_tensor as is_tensor,
    numel as numel,
    result_type as result_type,
    set_default_tensor_type as set_default_tensor_type,
)
from jaxtorch.ops.activation import (
    celu as celu,
    hardshrink as hardshrink,
    log_softmax as log_softmax,
    prelu as prelu,
    relu as relu,
    selu as selu,
    softmax as softmax,
    threshold as threshold,
)
from jaxtorch.ops.arithmetic import (
    add as add,
    addcdiv as addcdiv,
    addcmul as addcmul,
    arctan2 as arctan2,
    atan2 as atan2,
    clamp as clamp,
    clamp_max as clamp_max,
    clamp_min as clamp_min,
    clip as clip,
    copysign as copysign,
    div as div,
    divide as divide,
    float_power as float_power,
    floor_divide as floor_divide,
    fmax as fmax,
    fmin as fmin,
    fmod as fmod,
    frexp as frexp,
    heaviside as heaviside,
    hypot as hypot,
    ldexp as ldexp,
    lerp as lerp,
    logaddexp as logaddexp,
    logaddexp2 as logaddexp2,
    maximum as maximum,
    minimum as minimum,
    mul as mul,
    multiply as multiply,
    nextafter as nextafter,
    pow as pow,
    remainder as remainder,
    rsub as rsub,
    sub as sub,
    subtract as subtract,
    true_divide as true_divide,
    where as where,
    xlogy as xlogy,
)
from jaxtorch.ops.bitwise import (
    bitwise_and as bitwise_and,
    bitwise_left_shift as bitwise_left_shift,
    bitwise_not as bitwise_not,
    bitwise_or as bitwise_or,
    bitwise_right_shift as bitwise_right_shift,
    bitwise_xor as bitwise_xor,
    gcd as gcd,
    lcm as lcm,
    logical_and as logical_and,
    logical_not as logical_not,
    logical_or as logical_or,
    logical_xor as logical_xor,
)
from jaxtorch.ops.blas import (
    addbmm as addbmm,
    addmm as addmm,
    addmv as addmv,
    addr as addr,
    baddbmm as baddbmm,
    bmm as bmm,
    chain_matmul as chain_matmul,
    cross as cross,
    dot as dot,
    einsum as einsum,
    ger as ger,
    inner as inner,
    kron as kron,
    matmul as matmul,
    mm as mm,
    mv as mv,
    outer as outer,
    tensordot as tensordot,
    trace as trace,
    vdot as vdot,
)
from jaxtorch.ops.comparison import (
    allclose as allclose,
    eq as eq,
    equal as equal,
    ge as ge,
    greater as greater,
    greater_equal as greater_equal,
    gt as gt,
    isclose as isclose,
    isfinite as isfinite,
    isin as isin,
    isinf as isinf,
    isnan as isnan,
    isneginf as isneginf,
    isposinf as isposinf,
    isreal as isreal,
    le as le,
    less as less,
    less_equal as less_equal,
    lt as lt,
    ne as ne,
    not_equal as not_equal,
)
from jaxtorch.ops.conv import (
    conv1d as conv1d,
    conv2d as conv2d,
    conv3d as conv3d,
    conv_transpose1d as conv_transpose1d,
    conv_transpose2d as conv_transpose2d,
    conv_transpose3d as conv_transpose3d,
)
from jaxtorch.ops.creation import (
    arange as arange,
    complex as complex,
    empty as empty,
    empty_like as empty_like,
    empty_permuted as empty_permuted,
    empty_strided as empty_strided,
    eye as eye,
    full as full,
    full_like as full_like,
    linspace as linspace,
    logspace as logspace,
    ones as ones,
    ones_like as ones_like,
    polar as polar,
    range as range,
    tril_indices as tril_indices,
    triu_indices as triu_indices,
    zeros as zeros,
    zeros_like as zeros_like,
)
from jaxtorch.ops.cumulative import (
    cummax as cummax,
    cummin as cummin,
    cumprod as cumprod,
    cumsum as cumsum,
    cumulative_trapezoid as cumulative_trapezoid,
    diff as diff,
    logcumsumexp as logcumsumexp,
    trapezoid as trapezoid,
    trapz as trapz,
)
from jaxtorch.ops.data import (
    as_tensor as as_tensor,
    asarray as asarray,
    from_numpy as from_numpy,
    frombuffer as frombuffer,
    is_tensor as is_tensor,
    scalar_tensor as scalar_tensor,
    tensor as tensor,
)
from jaxtorch.ops.distance import (
    cdist as cdist,
    cosine_similarity as cosine_similarity,
    pairwise_distance as pairwise_distance,
    pdist as pdist,
)
from jaxtorch.ops.dropout import (
    alpha_dropout as alpha_dropout,
    dropout as dropout,
    feature_alpha_dropout as feature_alpha_dropout,
    feature_dropout as feature_dropout,
)
from jaxtorch.ops.embedding import (
    embedding as embedding,
    embedding_bag as embedding_bag,
)
from jaxtorch.ops.filling import (
    fill as fill,
    fill_ as fill_,
    zero_ as zero_,
)
from jaxtorch.ops.index_along import (
    index_add as index_add,
    index_copy as index_copy,
    index_fill as index_fill,
    index_reduce as index_reduce,
    index_select as index_select,
)
from jaxtorch.ops.indexing import (
    argwhere as argwhere,
    index_put as index_put,
    index_put_ as index_put_,
    masked_fill as masked_fill,
    masked_scatter as masked_scatter,
    masked_select as masked_select,
    nonzero as nonzero,
    nonzero_static as nonzero_static,
)
from jaxtorch.ops.linalg import (
    cholesky_inverse as cholesky_inverse,
    cholesky_solve as cholesky_solve,
    det as det,
    inverse as inverse,
    logdet as logdet,
    matrix_exp as matrix_exp,
    matrix_power as matrix_power,
    pinverse as pinverse,
)
from jaxtorch.ops.linear import (
    bilinear as bilinear,
)
from jaxtorch.ops.loss import (
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
    kl_div as kl_div,
    poisson_nll_loss as poisson_nll_loss,
)
from jaxtorch.ops.margin_loss import (
    cosine_embedding_loss as cosine_embedding_loss,
    hinge_embedding_loss as hinge_embedding_loss,
    margin_ranking_loss as margin_ranking_loss,
    triplet_margin_loss as triplet_margin_loss,
)
from jaxtorch.ops.matrices import (
    cholesky as cholesky,
    lu as lu,
    lu_solve as lu_solve,
    qr as qr,
    slogdet as slogdet,
    svd as svd,
    triangular_solve as triangular_solve,
    vander as vander,
)
from jaxtorch.ops.normalization import (
    batch_norm as batch_norm,
    group_norm as group_norm,
    instance_norm as instance_norm,
    layer_norm as layer_norm,
    rms_norm as rms_norm,
)
from jaxtorch.ops.pointwise import (
    abs as abs,
    absolute as absolute,
    acos as acos,
    acosh as acosh,
    angle as angle,
    arccos as arccos,
    arccosh as arccosh,
    arcsin as arcsin,
    arcsinh as arcsinh,
    arctan as arctan,
    arctanh as arctanh,
    asin as asin,
    asinh as asinh,
    atan as atan,
    atanh as atanh,
    ceil as ceil,
    conj as conj,
    conj_physical as conj_physical,
    cos as cos,
    cosh as cosh,
    deg2rad as deg2rad,
    digamma as digamma,
    erf as erf,
    erfc as erfc,
    erfinv as erfinv,
    exp as exp,
    exp2 as exp2,
    expm1 as expm1,
    fix as fix,
    floor as floor,
    frac as frac,
    i0 as i0,
    lgamma as lgamma,
    log as log,
    log10 as log10,
    log1p as log1p,
    log2 as log2,
    logit as logit,
    nan_to_num as nan_to_num,
    neg as neg,
    negative as negative,
    positive as positive,
    rad2deg as rad2deg,
    reciprocal as reciprocal,
    resolve_conj as resolve_conj,
    resolve_neg as resolve_neg,
    round as round,
    rsqrt as rsqrt,
    sgn as sgn,
    sigmoid as sigmoid,
    sign as sign,
    signbit as signbit,
    sin as sin,
    sinc as sinc,
    sinh as sinh,
    sqrt as sqrt,
    square as square,
    tan as tan,
    tanh as tanh,
    trunc as trunc,
)
from jaxtorch.ops.pooling import (
    adaptive_avg_pool1d as adaptive_avg_pool1d,
    adaptive_max_pool1d as adaptive_max_pool1d,
    avg_pool1d as avg_pool1d,
    max_pool1d as max_pool1d,
    max_pool2d as max_pool2d,
    max_pool3d as max_pool3d,
)
from jaxtorch.ops.recurrent import (
    gru as gru,
    gru_cell as gru_cell,
    lstm as lstm,
    lstm_cell as lstm_cell,
    rnn_relu as rnn_relu,
    rnn_relu_cell as rnn_relu_cell,
    rnn_tanh as rnn_tanh,
    rnn_tanh_cell as rnn_tanh_cell,
)
from jaxtorch.ops.reduction import (
    all as all,
    amax as amax,
    amin as amin,
    aminmax as aminmax,
    any as any,
    argmax as argmax,
    argmin as argmin,
    count_nonzero as count_nonzero,
    dist as dist,
    logsumexp as logsumexp,
    max as max,
    mean as mean,
    min as min,
    nanmean as nanmean,
    nansum as nansum,
    norm as norm,
    prod as prod,
    renorm as renorm,
    std as std,
    std_mean as std_mean,
    sum as sum,
    var as var,
    var_mean as var_mean,
)
from jaxtorch.ops.reshaping import (
    flatten as flatten,
    ravel as ravel,
    reshape as reshape,
)
from jaxtorch.ops.sampling import (
    bernoulli as bernoulli,
    multinomial as multinomial,
    normal as normal,
    poisson as poisson,
    rand as rand,
    rand_like as rand_like,
    randint as randint,
    randint_like as randint_like,
    randn as randn,
    randn_like as randn_like,
    randperm as randperm,
)
from jaxtorch.ops.scattering import (
    gather as gather,
    put as put,
    scatter as scatter,
    scatter_add as scatter_add,
    scatter_reduce as scatter_reduce,
    take as take,
    take_along_dim as take_along_dim,
)
from jaxtorch.ops.shaping import (
    atleast_1d as atleast_1d,
    atleast_2d as atleast_2d,
    atleast_3d as atleast_3d,
    block_diag as block_diag,
    cartesian_prod as cartesian_prod,
    cat as cat,
    channel_shuffle as channel_shuffle,
    clone as clone,
    column_stack as column_stack,
    combinations as combinations,
    concat as concat,
    concatenate as concatenate,
    diag as diag,
    diag_embed as diag_embed,
    diagflat as diagflat,
    diagonal_copy as diagonal_copy,
    diagonal_scatter as diagonal_scatter,
    dstack as dstack,
    flip as flip,
    fliplr as fliplr,
    flipud as flipud,
    hstack as hstack,
    meshgrid as meshgrid,
    repeat_interleave as repeat_interleave,
    roll as roll,
    rot90 as rot90,
    row_stack as row_stack,
    select_scatter as select_scatter,
    slice_scatter as slice_scatter,
    stack as stack,
    tile as tile,
    tril as tril,
    triu as triu,
    vstack as vstack,
)
from jaxtorch.ops.slicing import (
    chunk as chunk,
    dsplit as dsplit,
    hsplit as hsplit,
    narrow as narrow,
    select as select,
    split as split,
    split_with_sizes as split_with_sizes,
    tensor_split as tensor_split,
    unbind as unbind,
    vsplit as vsplit,
)
from jaxtorch.ops.sorting import (
    argsort as argsort,
    bincount as bincount,
    bucketize as bucketize,
    corrcoef as corrcoef,
    cov as cov,
    histc as histc,
    histogram as histogram,
    kthvalue as kthvalue,
    median as median,
    mode as mode,
    msort as msort,
    nanmedian as nanmedian,
    nanquantile as nanquantile,
    quantile as quantile,
    searchsorted as searchsorted,
    sort as sort,
    topk as topk,
    unique as unique,
    unique_consecutive as unique_consecutive,
)
from jaxtorch.ops.special import (
    gammainc as igamma,
    gammaincc as igammac,
    multigammaln as mvlgamma,
    polygamma as polygamma,
)
from jaxtorch.ops.strides import (
    layout as layout,
)
from jaxtorch.ops.views import (
    adjoint as adjoint,
    as_strided as as_strided,
    broadcast_shapes as broadcast_shapes,
    broadcast_tensors as broadcast_tensors,
    broadcast_to as broadcast_to,
    diagonal as diagonal,
    imag as imag,
    moveaxis as moveaxis,
    movedim as movedim,
    permute as permute,
    real as real,
    squeeze as squeeze,
    swapaxes as swapaxes,
    swapdims as swapdims,
    t as t,
    transpose as transpose,
    unflatten as unflatten,
    unsqueeze as unsqueeze,
    view_as_complex as view_as_complex,
    view_as_real as view_as_real,
)
from jaxtorch.printing import get_printoptions as get_printoptions
from jaxtorch.printing import set_printoptions as set_printoptions
from jaxtorch.random import (
    Generator as Generator,
    default_generator as default_generator,
    get_rng_state as get_rng_state,
    initial_seed as initial_seed,
    manual_seed as manual_seed,
    seed as seed,
    set_rng_state as set_rng_state,
)
from jaxtorch.serialization import load as load
from jaxtorch.serialization import save as save
from jaxtorch.size import Size as Size
from jaxtorch.tensor import Tensor as Tensor
from jaxtorch.version import __version__ as __version__


newaxis = None
