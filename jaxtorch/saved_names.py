"""What PyTorch's functions of the autograd graph save, by the names that a program reads it by
(``grad_fn._saved_self``).

A row names a function (``Mul 0`` is MulBackward0), the tensors in the order in which they are
packed, and after a bar what else it keeps. ``self`` is the first input and ``result`` the output.
"""

from __future__ import annotations

import functools

_ROWS = """
Abs 0: self; Acos 0: self; Acosh 0: self; AdaptiveAvgPool2D 0: self; AdaptiveAvgPool3D 0: self;
AdaptiveMaxPool2D 0: self result1; AdaptiveMaxPool3D 0: self result1; Add 0: | alpha;
Addbmm 0: batch1 batch2 | alpha batch1_sym_argsize_0 batch1_sym_argsize_1 batch2_sym_argsize_2 beta;
Addcdiv 0: tensor1 tensor2 | value; Addcmul 0: tensor1 tensor2 | value;
Addmm 0: mat1 mat2 | alpha beta mat1_sym_sizes mat1_sym_strides mat2_sym_sizes mat2_sym_strides;
Addmv 0: mat vec | alpha beta; Addr 0: vec1 vec2 | alpha beta; Amax 0: self result | dim keepdim;
Amin 0: self result | dim keepdim; Aminmax 0: self max min | dim keepdim; Angle 0: self;
AsStrided 0: | size storage_offset stride; AsStridedScatter 0: | size storage_offset stride;
Asin 0: self; Asinh 0: self; Atan2 0: other self; Atan 0: self; Atanh 0: self;
AvgPool2D 0: self | ceil_mode count_include_pad divisor_override kernel_size padding stride;
AvgPool3D 0: self | ceil_mode count_include_pad divisor_override kernel_size padding stride;
Baddbmm 0: batch1 batch2 | alpha beta;
BatchNormWithUpdate 0: input running_mean running_var weight result1 result2 result3 | eps;
BinaryCrossEntropy 0: self target | reduction weight;
BinaryCrossEntropyWithLogits 0: self target | pos_weight reduction weight; Bmm 0: mat2 self;
Cat 0: | dim; Cdist 0: x1 x2 result | p; Celu 0: self | alpha; ChannelShuffle 0: | groups;
Cholesky 0: result | upper; CholeskyInverse 0: result self | upper;
CholeskySolve 0: input2 result self | upper; Clamp 0: max min self; Clamp 1: self | max min;
ClampMax 1: max self; ClampMin 0: self | min; ClampMin 1: min self; Complex 0: imag real;
ConstantPadNd 0: | pad;
Convolution 0: input weight | bias_sym_sizes_opt dilation groups output_padding padding stride
  transposed;
Copysign 0: self result; Cos 0: self; Cosh 0: self;
CtcLoss 0: log_probs targets result0 result1 | blank input_lengths target_lengths zero_infinity;
Cummax 0: self indices | dim; Cummin 0: self indices | dim; Cumprod 0: self result | dim;
Cumsum 0: | dim; DiagEmbed 0: | dim1 dim2 offset; Diagonal 0: | dim1 dim2 offset self_sym_sizes;
DiagonalScatter 0: | dim1 dim2 offset; Digamma 0: self; Dist 0: other self result | p;
Div 0: other self; Div 1: | other; Div 2: other self | rounding_mode; Dot 0: self tensor;
Elu 0: self | alpha input_scale scale;
Embedding 0: indices | padding_idx scale_grad_by_freq sparse weight_sym_argsize_0;
EmbeddingBag 0: indices offsets per_sample_weights weight result1 result2 result3 | mode
  padding_idx scale_grad_by_freq sparse weight_sym_argsize_0;
Erf 0: self; Erfc 0: self; Erfinv 0: self; Exp2 0: result; Exp 0: result;
Expand 0: | self_sym_sizes; Expm1 0: result; FftC2C 0: | dim forward normalization;
FftC2R 0: | dim normalization; FftR2C 0: self | dim normalization onesided; Flip 0: | dims;
Fmax 0: other self; Fmin 0: other self; Fmod 1: other self;
FractionalMaxPool2D 0: self result1 | kernel_size output_size;
FractionalMaxPool3D 0: self result1 | kernel_size output_size; Frexp 0: exponent;
Gather 0: index self | dim sparse_grad; Gelu 0: self | approximate; Glu 0: self | dim;
GridSampler2D 0: grid input | align_corners interpolation_mode padding_mode;
GridSampler3D 0: grid input | align_corners interpolation_mode padding_mode;
Hardshrink 0: self | lambd; Hardsigmoid 0: self; Hardswish 0: self;
Hardtanh 0: self | max_val min_val; HuberLoss 0: self target | delta reduction;
Hypot 0: other self result; I0 0: self;
Im2Col 0: | dilation kernel_size padding self_sym_argsize_minus_1 self_sym_argsize_minus_2 stride;
IndexAdd 0: index source | alpha dim source_dim; Index 0: | indices self_sym_sizes;
IndexCopy 0: index source | dim source_dim; IndexFill 0: index | dim; IndexFill 1: index | dim;
IndexPut 0: | accumulate indices;
IndexReduce 0: index self source result | dim include_self reduce;
IndexSelect 0: index | dim self_sym_sizes; Kthvalue 0: indices | dim keepdim self_sym_sizes;
Ldexp 0: other result; LeakyRelu 0: self | negative_slope; Lerp 0: | weight;
Lerp 1: end self weight; Lgamma 0: self; LinalgCholeskyEx 0: L | upper;
LinalgCross 0: other self | dim; LinalgDet 0: A LU pivots result;
LinalgEig 0: eigenvalues eigenvectors; LinalgEigh 0: eigenvalues eigenvectors;
LinalgHouseholderProduct 0: input tau result; LinalgInvEx 0: inverse;
LinalgLstsq 0: b self solution; LinalgLu 0: L P U | pivot; LinalgLuFactorEx 0: LU pivots | pivot;
LinalgLuSolve 0: LU pivots result | adjoint left; LinalgMatrixExp 0: self;
LinalgPinv 0: self result; LinalgQr 0: Q R | mode; LinalgSlogdet 0: A LU pivots sign;
LinalgSolveEx 0: A LU pivots result | left;
LinalgSolveTriangular 0: self result | left unitriangular upper;
LinalgSvd 0: S U Vh | S_sym_argsize_minus_1 full_matrices;
LinalgVectorNorm 0: self result | dim keepdim ord; Log10 0: self; Log1P 0: self; Log2 0: self;
Log 0: self; LogSigmoid 0: self buffer; LogSoftmax 0: result | dim; Logaddexp2 0: other self;
Logaddexp 0: other self; Logcumsumexp 0: self result | dim; Logit 0: self | eps;
Logsumexp 0: self result | dim keepdim;
LuUnpack 0: | LU_data_sym_argsize_minus_1 LU_data_sym_argsize_minus_2; MaskedFill 0: mask;
MaskedFill 1: mask; MaskedScatter 0: mask | source_sym_sizes; MaskedSelect 0: mask self;
Max 0: indices | dim keepdim self_sym_sizes; Max 1: self result;
MaxPool2DWithIndices 0: self result1 | ceil_mode dilation kernel_size padding stride;
MaxPool3DWithIndices 0: self result1 | ceil_mode dilation kernel_size padding stride;
MaxUnpool2D 0: indices; MaxUnpool3D 0: indices; Maximum 0: other self;
Mean 0: | self_sym_numel self_sym_sizes; Mean 1: | dim keepdim self_sym_numel self_sym_sizes;
Median 0: self result; Median 1: indices | dim keepdim self_sym_sizes;
Min 0: indices | dim keepdim self_sym_sizes; Min 1: self result; Minimum 0: other self;
Mish 0: self; Mm 0: mat2 self | mat2_sym_sizes mat2_sym_strides self_sym_sizes self_sym_strides;
Mode 0: indices | dim keepdim self_sym_sizes; MseLoss 0: self target | reduction;
Mul 0: other self; Mul 1: | other; MultiMarginLoss 0: self target weight | margin p reduction;
MultilabelMarginLoss 0: self target is_target | reduction; Mv 0: self vec; Mvlgamma 0: self | p;
NanToNum 0: self; Nanmedian 0: self result; Nanmedian 1: indices | dim keepdim self_sym_sizes;
Nansum 0: self | dim keepdim; NarrowCopy 0: | dim length self_sym_sizes start;
NativeBatchNorm 0: input running_mean running_var weight result1 result2 | eps training;
NativeBatchNormLegit 0: input running_mean running_var weight result1 result2 | eps training;
NativeGroupNorm 0: input weight result1 result2 | C HxW N eps group;
NativeLayerNorm 0: bias input weight result1 result2 | normalized_shape; Nextafter 0: other self;
NllLoss2D 0: self target total_weight | ignore_index reduction weight;
NllLoss 0: self target weight total_weight | ignore_index reduction;
Norm 1: self result | dim keepdim p; Normal 1: | mean_sym_sizes;
Normal 3: | mean_sym_sizes std_sym_sizes; Ormqr 0: input2 input3 self result | left transpose;
Pdist 0: self result | p; Permute 0: | dims; PixelShuffle 0: | upscale_factor;
PixelUnshuffle 0: | downscale_factor; Polar 0: result; Polygamma 0: self | n;
Pow 0: self | exponent; Pow 1: exponent self result; PreluKernel 0: self weight;
Prod 0: self result; Prod 1: self result | dim keepdim; Put 0: index source | accumulate;
Reciprocal 0: result; ReflectionPad1D 0: self | padding; ReflectionPad2D 0: self | padding;
Relu 0: result; Remainder 1: other self; Renorm 0: self | dim maxnorm p;
Repeat 0: | repeats self_sym_sizes; ReplicationPad1D 0: self | padding;
ReplicationPad2D 0: self | padding; ReshapeAlias 0: | self_sym_sizes; Roll 0: | dims shifts;
Rot90 0: | dims k; RreluWithNoise 0: noise self | lower training upper; Rsqrt 0: result;
Rsub 0: | alpha; SafeSoftmax 0: result | dim;
ScaledDotProductFlashAttentionForCpu 0: key query value output | dropout_p is_causal scale;
ScatterAdd 0: index | dim; Scatter 0: index | dim;
ScatterReduce 0: index self src result | dim include_self reduce;
SegmentReduce 0: data lengths result offsets | axis initial reduce;
Select 0: | dim index self_sym_sizes; SelectScatter 0: | dim index; Sgn 0: self result;
Sigmoid 0: result; Silu 0: self; Sin 0: self; Sinc 0: self; Sinh 0: self;
Slice 0: | dim end self_sym_sizes start step; SliceScatter 0: | dim end start step;
SmoothL1Loss 0: self target | beta reduction; SoftMarginLoss 0: self target | reduction;
Softmax 0: result | dim; Softmax Data 0: grad_output output | dim;
Softplus 0: self | beta threshold; Softshrink 0: self | lambd;
Sort 0: indices | dim self_sym_sizes; Sort 1: indices | dim self_sym_sizes; SpecialEntr 0: self;
SpecialErfcx 0: self result; SpecialI0E 0: self result; SpecialI1 0: self result;
SpecialI1E 0: self result; SpecialLogNdtr 0: self result; SpecialNdtri 0: result;
SpecialXlog1Py 0: other self; Split 0: | dim self_sym_sizes split_size;
SplitWithSizes 0: | dim self_sym_sizes split_sizes; Sqrt 0: result; Squeeze 0: | self_sym_sizes;
Squeeze 1: | dim self_sym_sizes; Squeeze 2: | dim self_sym_sizes; Squeeze 4: | dim self_sym_sizes;
Stack 0: | dim; Std 0: self result | correction dim keepdim;
StdMean 0: self result0 | correction dim keepdim; Sub 0: | alpha; Sum 0: | self_sym_sizes;
Sum 1: | dim keepdim self_sym_sizes; Take 0: index self; Tan 0: result; Tanh 0: result;
Threshold 0: self | threshold; ToSparse 0: | self_self_sym_blocksize_opt;
ToSparse 1: | self_self_sym_blocksize_opt; Topk 0: indices | dim self_sym_sizes;
Trace 0: | self_sym_sizes; Transpose 0: | dim0 dim1; Transpose 1: | dim0 dim1;
TriangularSolve 0: A self solution | transpose unitriangular upper; Tril 0: | diagonal;
Trilinear 0: i1 i2 i3 | expand1 expand2 expand3 sumdim; Triu 0: | diagonal; Unbind 0: | dim;
Unfold 0: | dimension self_sym_sizes size step; UnsafeMaskedIndex 0: mask | indices self_sym_sizes;
UnsafeMaskedIndexPutAccumulate 0: mask | indices; UnsafeSplit 0: | dim self_sym_sizes split_size;
UnsafeView 0: | self_sym_sizes; Unsqueeze 0: | dim;
UpsampleBicubic2D 0: | align_corners output_size scales_h scales_w self_sym_sizes;
UpsampleBilinear2DAa 0: | align_corners output_size scales_h scales_w self_sym_sizes;
UpsampleBilinear2D 0: | align_corners output_size scales_h scales_w self_sym_sizes;
UpsampleLinear1D 0: | align_corners output_size scales self_sym_sizes;
UpsampleNearest1D 0: | output_size scales self_sym_sizes;
UpsampleNearest2D 0: | output_size scales_h scales_w self_sym_sizes;
UpsampleNearestExact1D 0: | output_size scales self_sym_sizes;
UpsampleNearestExact2D 0: | output_size scales_h scales_w self_sym_sizes;
UpsampleTrilinear3D 0: | align_corners output_size scales_d scales_h scales_w self_sym_sizes;
Var 0: self | correction dim keepdim; VarMean 0: self | correction dim keepdim; Vdot 0: other self;
View 0: | self_sym_sizes; Where 0: condition; Xlogy 0: other self;
"""


@functools.cache
def _rows() -> dict[str, tuple]:
    found = {}
    for row in " ".join(_ROWS.split()).split(";"):
        function, _, names = row.partition(":")
        tensors, _, others = names.partition("|")
        name = "Backward".join(function.split())
        found[name] = tuple(tensors.split()), tuple(others.split())
    return found


def names_saved(function: str) -> tuple[tuple, tuple]:
    """(tensors, others) that the function of this name saves; empty for one that is not known."""
    return _rows().get(function, ((), ()))
