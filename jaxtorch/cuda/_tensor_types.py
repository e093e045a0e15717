"""``torch.cuda.FloatTensor`` and its like: tensors on the current GPU by their old names."""

from jaxtorch import dtypes
from jaxtorch.legacy import tensor_type

BFloat16Tensor = tensor_type(dtypes.bfloat16, "cuda")
BoolTensor = tensor_type(dtypes.bool, "cuda")
ByteTensor = tensor_type(dtypes.uint8, "cuda")
CharTensor = tensor_type(dtypes.int8, "cuda")
DoubleTensor = tensor_type(dtypes.float64, "cuda")
FloatTensor = tensor_type(dtypes.float32, "cuda")
HalfTensor = tensor_type(dtypes.float16, "cuda")
IntTensor = tensor_type(dtypes.int32, "cuda")
LongTensor = tensor_type(dtypes.int64, "cuda")
ShortTensor = tensor_type(dtypes.int16, "cuda")
