"""The binding table: which function is which method of Tensor. One line a method, one section a
file.

Assignments in a class body, so that names, types and ``help()`` are found by reading.
"""

from __future__ import annotations

from jaxtorch._operators import TensorOperators
from jaxtorch.ops import (
    activation,
    arithmetic,
    bitwise,
    blas,
    comparison,
    conversion,
    copies,
    creation,
    cumulative,
    filling,
    histograms,
    index_along,
    indexing,
    masking,
    matrices,
    norms,
    pointwise,
    reduction,
    replacing,
    reshaping,
    resizing,
    sampling,
    scattering,
    shaping,
    slicing,
    sorting,
    special,
    stft,
    strides,
    views,
)
from jaxtorch.ops._op import inplace
from jaxtorch.ops.linalg import factorizations, inverses, products, solvers


class TensorMethods(TensorOperators):
    """What Tensor inherits of the ops."""

    __slots__ = ()

    # --- arithmetic -----------------------------------------------------------------------------
    add = arithmetic.add
    add_ = arithmetic.add.inplace
    addcdiv = arithmetic.addcdiv
    addcdiv_ = arithmetic.addcdiv.inplace
    addcmul = arithmetic.addcmul
    addcmul_ = arithmetic.addcmul.inplace
    atan2 = arctan2 = arithmetic.atan2
    atan2_ = arctan2_ = arithmetic.atan2.inplace
    clamp = clip = arithmetic.clamp
    clamp_ = clip_ = arithmetic.clamp.inplace
    clamp_max = arithmetic.clamp_max
    clamp_max_ = arithmetic.clamp_max.inplace
    clamp_min = arithmetic.clamp_min
    clamp_min_ = arithmetic.clamp_min.inplace
    copysign = arithmetic.copysign
    copysign_ = arithmetic.copysign.inplace
    div = divide = arithmetic.div
    div_ = divide_ = inplace(arithmetic.div)
    float_power = arithmetic.float_power
    float_power_ = arithmetic.float_power_
    floor_divide = arithmetic.floor_divide
    floor_divide_ = arithmetic.floor_divide.inplace
    fmax = arithmetic.fmax
    fmin = arithmetic.fmin
    fmod = arithmetic.fmod
    fmod_ = arithmetic.fmod.inplace
    frexp = arithmetic.frexp
    heaviside = arithmetic.heaviside
    heaviside_ = arithmetic.heaviside.inplace
    hypot = arithmetic.hypot
    hypot_ = arithmetic.hypot.inplace
    ldexp = arithmetic.ldexp
    ldexp_ = arithmetic.ldexp.inplace
    lerp = arithmetic.lerp
    lerp_ = arithmetic.lerp.inplace
    logaddexp = arithmetic.logaddexp
    logaddexp2 = arithmetic.logaddexp2
    maximum = arithmetic.maximum
    minimum = arithmetic.minimum
    mul = multiply = arithmetic.mul
    mul_ = multiply_ = arithmetic.mul.inplace
    nextafter = arithmetic.nextafter
    nextafter_ = arithmetic.nextafter.inplace
    pow = arithmetic.pow
    pow_ = inplace(arithmetic.pow)
    remainder = arithmetic.remainder
    remainder_ = arithmetic.remainder.inplace
    sub = subtract = arithmetic.sub
    sub_ = subtract_ = arithmetic.sub.inplace
    true_divide = arithmetic.true_divide
    true_divide_ = arithmetic.true_divide.inplace
    xlogy = arithmetic.xlogy
    xlogy_ = arithmetic.xlogy.inplace

    def where(self, condition, other):
        """self where the condition holds, other elsewhere."""
        return arithmetic.where(condition, self, other)

    # --- bitwise --------------------------------------------------------------------------------
    bitwise_and = bitwise.bitwise_and
    bitwise_and_ = bitwise.bitwise_and.inplace
    bitwise_left_shift = bitwise.bitwise_left_shift
    bitwise_left_shift_ = bitwise.bitwise_left_shift.inplace
    bitwise_not = bitwise.bitwise_not
    bitwise_not_ = bitwise.bitwise_not.inplace
    bitwise_or = bitwise.bitwise_or
    bitwise_or_ = bitwise.bitwise_or.inplace
    bitwise_right_shift = bitwise.bitwise_right_shift
    bitwise_right_shift_ = bitwise.bitwise_right_shift.inplace
    bitwise_xor = bitwise.bitwise_xor
    bitwise_xor_ = bitwise.bitwise_xor.inplace
    gcd = bitwise.gcd
    gcd_ = bitwise.gcd.inplace
    lcm = bitwise.lcm
    lcm_ = bitwise.lcm.inplace
    logical_and = bitwise.logical_and
    logical_and_ = bitwise.logical_and.inplace
    logical_not = bitwise.logical_not
    logical_not_ = bitwise.logical_not.inplace
    logical_or = bitwise.logical_or
    logical_or_ = bitwise.logical_or.inplace
    logical_xor = bitwise.logical_xor
    logical_xor_ = bitwise.logical_xor.inplace

    # --- blas -----------------------------------------------------------------------------------
    addbmm = blas.addbmm
    addbmm_ = blas.addbmm.inplace
    addmm = blas.addmm
    addmm_ = blas.addmm.inplace
    addmv = blas.addmv
    addmv_ = blas.addmv.inplace
    addr = blas.addr
    addr_ = blas.addr.inplace
    baddbmm = blas.baddbmm
    baddbmm_ = blas.baddbmm.inplace
    bmm = blas.bmm
    cross = blas.cross
    dot = blas.dot
    inner = blas.inner
    kron = blas.kron
    matmul = blas.matmul
    mm = blas.mm
    mv = blas.mv
    outer = ger = blas.outer
    trace = blas.trace
    vdot = blas.vdot

    # --- comparison -----------------------------------------------------------------------------
    allclose = comparison.allclose
    eq = comparison.eq
    eq_ = comparison.eq.inplace
    equal = comparison.equal
    ge = greater_equal = comparison.ge
    ge_ = greater_equal_ = comparison.ge.inplace
    gt = greater = comparison.gt
    gt_ = greater_ = comparison.gt.inplace
    isclose = comparison.isclose
    isfinite = comparison.isfinite
    isinf = comparison.isinf
    isnan = comparison.isnan
    isneginf = comparison.isneginf
    isposinf = comparison.isposinf
    isreal = comparison.isreal
    le = less_equal = comparison.le
    le_ = less_equal_ = comparison.le.inplace
    lt = less = comparison.lt
    lt_ = less_ = comparison.lt.inplace
    ne = not_equal = comparison.ne
    ne_ = not_equal_ = comparison.ne.inplace

    # --- cumulative -----------------------------------------------------------------------------
    cummax = cumulative.cummax
    cummin = cumulative.cummin
    cumprod = cumulative.cumprod
    cumprod_ = cumulative.cumprod.inplace
    cumsum = cumulative.cumsum
    cumsum_ = cumulative.cumsum.inplace
    diff = cumulative.diff
    logcumsumexp = cumulative.logcumsumexp

    # --- linalg ---------------------------------------------------------------------------------
    cholesky_inverse = solvers.cholesky_inverse
    cholesky_solve = solvers.cholesky_solve
    det = inverses.det
    geqrf = factorizations.geqrf
    inverse = inverses.inverse
    logdet = inverses.logdet
    matrix_exp = products.matrix_exp
    matrix_power = products.matrix_power
    orgqr = factorizations.householder_product
    ormqr = factorizations.ormqr
    pinverse = inverses.pinverse

    # --- matrices -------------------------------------------------------------------------------
    cholesky = matrices.cholesky
    eig = matrices.eig
    lstsq = matrices.lstsq
    lu = matrices.lu
    lu_solve = matrices.lu_solve
    qr = matrices.qr
    slogdet = matrices.slogdet
    solve = matrices.solve
    svd = matrices.svd
    symeig = matrices.symeig
    triangular_solve = matrices.triangular_solve

    # --- norms ----------------------------------------------------------------------------------
    dist = norms.dist
    norm = norms.norm
    renorm = norms.renorm
    renorm_ = norms.renorm.inplace

    # --- stft -----------------------------------------------------------------------------------
    istft = stft.istft
    stft = stft.stft

    # --- pointwise ------------------------------------------------------------------------------
    abs = absolute = pointwise.abs
    abs_ = absolute_ = pointwise.abs.inplace
    acos = arccos = pointwise.acos
    acos_ = arccos_ = pointwise.acos.inplace
    acosh = arccosh = pointwise.acosh
    acosh_ = arccosh_ = pointwise.acosh.inplace
    angle = pointwise.angle
    asin = arcsin = pointwise.asin
    asin_ = arcsin_ = pointwise.asin.inplace
    asinh = arcsinh = pointwise.asinh
    asinh_ = arcsinh_ = pointwise.asinh.inplace
    atan = arctan = pointwise.atan
    atan_ = arctan_ = pointwise.atan.inplace
    atanh = arctanh = pointwise.atanh
    atanh_ = arctanh_ = pointwise.atanh.inplace
    ceil = pointwise.ceil
    ceil_ = pointwise.ceil.inplace
    conj = pointwise.conj
    conj_physical = pointwise.conj_physical
    conj_physical_ = inplace(pointwise.conj_physical)
    cos = pointwise.cos
    cos_ = pointwise.cos.inplace
    cosh = pointwise.cosh
    cosh_ = pointwise.cosh.inplace
    deg2rad = pointwise.deg2rad
    deg2rad_ = pointwise.deg2rad.inplace
    digamma = pointwise.digamma
    digamma_ = pointwise.digamma.inplace
    erf = pointwise.erf
    erf_ = pointwise.erf.inplace
    erfc = pointwise.erfc
    erfc_ = pointwise.erfc.inplace
    erfinv = pointwise.erfinv
    erfinv_ = pointwise.erfinv.inplace
    exp = pointwise.exp
    exp_ = pointwise.exp.inplace
    exp2 = pointwise.exp2
    exp2_ = pointwise.exp2.inplace
    expm1 = pointwise.expm1
    expm1_ = pointwise.expm1.inplace
    floor = pointwise.floor
    floor_ = pointwise.floor.inplace
    frac = pointwise.frac
    frac_ = pointwise.frac.inplace
    i0 = pointwise.i0
    i0_ = pointwise.i0.inplace
    lgamma = pointwise.lgamma
    lgamma_ = pointwise.lgamma.inplace
    log = pointwise.log
    log_ = pointwise.log.inplace
    log10 = pointwise.log10
    log10_ = pointwise.log10.inplace
    log1p = pointwise.log1p
    log1p_ = pointwise.log1p.inplace
    log2 = pointwise.log2
    log2_ = pointwise.log2.inplace
    logit = pointwise.logit
    logit_ = pointwise.logit.inplace
    nan_to_num = pointwise.nan_to_num
    nan_to_num_ = pointwise.nan_to_num.inplace
    neg = negative = pointwise.neg
    neg_ = negative_ = pointwise.neg.inplace
    positive = pointwise.positive
    rad2deg = pointwise.rad2deg
    rad2deg_ = pointwise.rad2deg.inplace
    reciprocal = pointwise.reciprocal
    reciprocal_ = pointwise.reciprocal.inplace
    resolve_conj = pointwise.resolve_conj
    resolve_neg = pointwise.resolve_neg
    round = pointwise.round
    round_ = pointwise.round.inplace
    rsqrt = pointwise.rsqrt
    rsqrt_ = pointwise.rsqrt.inplace
    sgn = pointwise.sgn
    sgn_ = pointwise.sgn.inplace
    sigmoid = pointwise.sigmoid
    sigmoid_ = pointwise.sigmoid.inplace
    sign = pointwise.sign
    sign_ = pointwise.sign.inplace
    signbit = pointwise.signbit
    sin = pointwise.sin
    sin_ = pointwise.sin.inplace
    sinc = pointwise.sinc
    sinc_ = pointwise.sinc.inplace
    sinh = pointwise.sinh
    sinh_ = pointwise.sinh.inplace
    sqrt = pointwise.sqrt
    sqrt_ = pointwise.sqrt.inplace
    square = pointwise.square
    square_ = pointwise.square.inplace
    tan = pointwise.tan
    tan_ = pointwise.tan.inplace
    tanh = pointwise.tanh
    tanh_ = pointwise.tanh.inplace
    trunc = fix = pointwise.trunc
    trunc_ = fix_ = pointwise.trunc.inplace

    # --- reduction ------------------------------------------------------------------------------
    all = reduction.all
    amax = reduction.amax
    amin = reduction.amin
    aminmax = reduction.aminmax
    any = reduction.any
    argmax = reduction.argmax
    argmin = reduction.argmin
    count_nonzero = reduction.count_nonzero
    logsumexp = reduction.logsumexp
    max = reduction.max
    mean = reduction.mean
    min = reduction.min
    nanmean = reduction.nanmean
    nansum = reduction.nansum
    prod = reduction.prod
    std = reduction.std
    sum = reduction.sum
    var = reduction.var

    # --- sorting --------------------------------------------------------------------------------
    argsort = sorting.argsort
    corrcoef = sorting.corrcoef
    cov = sorting.cov
    kthvalue = sorting.kthvalue
    median = sorting.median
    mode = sorting.mode
    msort = sorting.msort
    nanmedian = sorting.nanmedian
    nanquantile = sorting.nanquantile
    quantile = sorting.quantile
    sort = sorting.sort
    topk = sorting.topk
    unique = sorting.unique
    unique_consecutive = sorting.unique_consecutive

    # --- special --------------------------------------------------------------------------------
    igamma = special.gammainc
    igamma_ = special.gammainc.inplace
    igammac = special.gammaincc
    igammac_ = special.gammaincc.inplace
    mvlgamma = special.multigammaln
    mvlgamma_ = special.multigammaln.inplace
    polygamma = special.polygamma_of
    polygamma_ = inplace(special.polygamma_of)

    # --- activation -----------------------------------------------------------------------------
    hardshrink = activation.hardshrink
    log_softmax = activation.log_softmax
    prelu = activation.prelu
    relu = activation.relu
    relu_ = activation.relu.inplace
    softmax = activation.softmax

    # --- conversion -----------------------------------------------------------------------------
    bfloat16 = conversion.bfloat16
    bool = conversion.to_bool
    byte = conversion.byte
    cdouble = conversion.cdouble
    cfloat = conversion.cfloat
    char = conversion.char
    copy_ = conversion.copy_
    cpu = conversion.cpu
    cuda = conversion.cuda
    double = conversion.double
    float = conversion.float
    half = conversion.half
    int = conversion.to_int
    long = conversion.long
    short = conversion.short
    to = conversion.to
    type = conversion.type_
    type_as = conversion.type_as

    # --- copies ---------------------------------------------------------------------------------
    narrow_copy = copies.narrow_copy

    # --- creation -------------------------------------------------------------------------------
    new = creation.new
    new_empty = creation.new_empty
    new_empty_strided = creation.new_empty_strided
    new_full = creation.new_full
    new_ones = creation.new_ones
    new_tensor = creation.new_tensor
    new_zeros = creation.new_zeros

    # --- filling --------------------------------------------------------------------------------
    apply_ = filling.apply_
    fill_ = filling.fill_
    fill_diagonal_ = filling.fill_diagonal_
    map_ = filling.map_
    map2_ = filling.map2_
    zero_ = filling.zero_

    # --- histograms -----------------------------------------------------------------------------
    bincount = histograms.bincount
    histc = histograms.histc
    histogram = histograms.histogram

    # --- index_along ----------------------------------------------------------------------------
    index_add = index_along.index_add
    index_add_ = index_along.index_add.inplace
    index_copy = index_along.index_copy
    index_copy_ = index_along.index_copy.inplace
    index_fill = index_along.index_fill
    index_fill_ = index_along.index_fill_
    index_reduce = index_along.index_reduce
    index_reduce_ = index_along.index_reduce.inplace
    index_select = index_along.index_select

    # --- indexing -------------------------------------------------------------------------------
    __getitem__ = indexing.getitem
    __setitem__ = indexing.setitem
    index_put = indexing.index_put
    index_put_ = indexing.index_put_

    # --- masking --------------------------------------------------------------------------------
    argwhere = masking.argwhere
    masked_fill = masking.masked_fill
    masked_fill_ = masking.masked_fill_
    masked_scatter = masking.masked_scatter
    masked_scatter_ = masking.masked_scatter.inplace
    masked_select = masking.masked_select
    nonzero = masking.nonzero
    nonzero_static = masking.nonzero_static

    # --- replacing ------------------------------------------------------------------------------
    as_strided_scatter = replacing.as_strided_scatter
    diagonal_scatter = replacing.diagonal_scatter
    select_scatter = replacing.select_scatter
    slice_scatter = replacing.slice_scatter

    # --- reshaping ------------------------------------------------------------------------------
    flatten = reshaping.flatten
    ravel = reshaping.ravel
    reshape = reshaping.reshape
    reshape_as = reshaping.reshape_as
    as_strided_ = reshaping.as_strided_
    squeeze_ = reshaping.squeeze_
    swapaxes_ = swapdims_ = reshaping.swapaxes_
    t_ = reshaping.t_
    transpose_ = reshaping.transpose_
    unsqueeze_ = reshaping.unsqueeze_
    view = reshaping.view
    view_as = reshaping.view_as

    # --- resizing -------------------------------------------------------------------------------
    resize = resizing.resize
    resize_ = resizing.resize_
    resize_as = resizing.resize_as
    resize_as_ = resizing.resize_as_
    set_ = resizing.set_
    sum_to_size = resizing.sum_to_size

    # --- sampling -------------------------------------------------------------------------------
    bernoulli = sampling.bernoulli
    bernoulli_ = sampling.bernoulli_
    cauchy_ = sampling.cauchy_
    exponential_ = sampling.exponential_
    geometric_ = sampling.geometric_
    log_normal_ = sampling.log_normal_
    multinomial = sampling.multinomial
    normal_ = sampling.normal_
    random_ = sampling.random_
    uniform_ = sampling.uniform_

    # --- scattering -----------------------------------------------------------------------------
    gather = scattering.gather
    put = scattering.put
    put_ = scattering.put.inplace
    scatter = scattering.scatter
    scatter_ = scattering.scatter_
    scatter_add = scattering.scatter_add
    scatter_add_ = scattering.scatter_add.inplace
    scatter_reduce = scattering.scatter_reduce
    scatter_reduce_ = scattering.scatter_reduce_
    take = scattering.take
    take_along_dim = scattering.take_along_dim

    # --- shaping --------------------------------------------------------------------------------
    clone = shaping.clone
    diag = shaping.diag
    diag_embed = shaping.diag_embed
    diagflat = shaping.diagflat
    flip = shaping.flip
    fliplr = shaping.fliplr
    flipud = shaping.flipud
    repeat = shaping.repeat
    repeat_interleave = shaping.repeat_interleave
    roll = shaping.roll
    rot90 = shaping.rot90
    tile = shaping.tile
    tril = shaping.tril
    tril_ = shaping.tril.inplace
    triu = shaping.triu
    triu_ = shaping.triu.inplace

    # --- slicing --------------------------------------------------------------------------------
    chunk = slicing.chunk
    dsplit = slicing.dsplit
    hsplit = slicing.hsplit
    narrow = slicing.narrow
    select = slicing.select
    split = slicing.split_method
    split_with_sizes = slicing.split_with_sizes
    tensor_split = slicing.tensor_split
    unbind = slicing.unbind
    unsafe_chunk = slicing.unsafe_chunk
    unsafe_split = slicing.unsafe_split
    unsafe_split_with_sizes = slicing.unsafe_split_with_sizes
    vsplit = slicing.vsplit

    # --- strides --------------------------------------------------------------------------------
    as_strided = strides.as_strided
    contiguous = strides.contiguous
    dim_order = strides.dim_order
    is_contiguous = strides.is_contiguous
    is_set_to = strides.is_set_to
    storage_offset = strides.storage_offset
    stride = strides.stride

    # --- views ----------------------------------------------------------------------------------
    H = property(views.H)
    adjoint = views.adjoint
    broadcast_to = views.broadcast_to
    diagonal = views.diagonal
    expand = views.expand
    expand_as = views.expand_as
    imag = property(views.imag)
    mH = property(views.mH)
    mT = property(views.mT)
    moveaxis = views.moveaxis
    movedim = views.movedim
    permute = views.permute
    real = property(views.real)
    squeeze = views.squeeze
    swapaxes = views.swapaxes
    swapdims = views.swapdims
    t = views.t
    T = property(views.T)
    transpose = views.transpose
    unflatten = views.unflatten
    unfold = views.unfold
    unsqueeze = views.unsqueeze
