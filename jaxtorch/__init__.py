"""PyTorch's API and behaviour on JAX: ``import jaxtorch as torch``.

What is not named here is not public.
"""

from __future__ import annotations

import importlib
import sys
from math import e as e, inf as inf, nan as nan, pi as pi

from jaxtorch import (
    __config__ as __config__,
    __future__ as __future__,
    amp as amp,
    autograd as autograd,
    backends as backends,
    cuda as cuda,
    engine as engine,
    fft as fft,
    func as func,
    left_out as left_out,
    linalg as linalg,
    nn as nn,
    optim as optim,
    random as random,
    return_types as return_types,
    special as special,
    utils as utils,
    version as version,
)
from jaxtorch._foreach import FOREACH
from jaxtorch._functions import *  # noqa: F403
from jaxtorch._functions import (
    _chunk_cat as _chunk_cat,
    _log_softmax as _log_softmax,
    _log_softmax_backward_data as _log_softmax_backward_data,
    _native_batch_norm_legit as _native_batch_norm_legit,
    _sample_dirichlet as _sample_dirichlet,
    _softmax as _softmax,
    _softmax_backward_data as _softmax_backward_data,
    _standard_gamma as _standard_gamma,
    _unsafe_masked_index as _unsafe_masked_index,
    _unsafe_masked_index_put_accumulate as _unsafe_masked_index_put_accumulate,
)
from jaxtorch._inplace import *  # noqa: F403
from jaxtorch.alias import install as install, uninstall as uninstall
from jaxtorch.amp.autocast_mode import (
    autocast as autocast,
    autocast_decrement_nesting as autocast_decrement_nesting,
    autocast_increment_nesting as autocast_increment_nesting,
    clear_autocast_cache as clear_autocast_cache,
    get_autocast_cpu_dtype as get_autocast_cpu_dtype,
    get_autocast_dtype as get_autocast_dtype,
    get_autocast_gpu_dtype as get_autocast_gpu_dtype,
    is_autocast_cache_enabled as is_autocast_cache_enabled,
    is_autocast_cpu_enabled as is_autocast_cpu_enabled,
    is_autocast_enabled as is_autocast_enabled,
    set_autocast_cache_enabled as set_autocast_cache_enabled,
    set_autocast_cpu_dtype as set_autocast_cpu_dtype,
    set_autocast_cpu_enabled as set_autocast_cpu_enabled,
    set_autocast_dtype as set_autocast_dtype,
    set_autocast_enabled as set_autocast_enabled,
    set_autocast_gpu_dtype as set_autocast_gpu_dtype,
)
from jaxtorch.amp.grad_scaler import GradScaler as GradScaler
from jaxtorch.anomaly import (
    is_anomaly_check_nan_enabled as is_anomaly_check_nan_enabled,
    is_anomaly_enabled as is_anomaly_enabled,
    set_anomaly_enabled as set_anomaly_enabled,
)
from jaxtorch.assertions import (
    _assert as _assert,
    _check as _check,
    _check_index as _check_index,
    _check_not_implemented as _check_not_implemented,
    _check_tensor_all as _check_tensor_all,
    _check_type as _check_type,
    _check_value as _check_value,
)
from jaxtorch.autograd import (
    enable_grad as enable_grad,
    inference_mode as inference_mode,
    is_grad_enabled as is_grad_enabled,
    is_inference_mode_enabled as is_inference_mode_enabled,
    no_grad as no_grad,
    set_grad_enabled as set_grad_enabled,
)
from jaxtorch.compiled import compile as compile
from jaxtorch.compiling import jit as jit
from jaxtorch.control_flow import cond as cond, while_loop as while_loop
from jaxtorch.devices import (
    device as device,
    get_default_device as get_default_device,
    set_default_device as set_default_device,
)
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
    float8_e4m3fn as float8_e4m3fn,
    float8_e4m3fnuz as float8_e4m3fnuz,
    float8_e5m2 as float8_e5m2,
    float8_e5m2fnuz as float8_e5m2fnuz,
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
from jaxtorch.engine import explain as explain, stats as stats
from jaxtorch.exceptions import (
    AcceleratorError as AcceleratorError,
    OutOfMemoryError as OutOfMemoryError,
)
from jaxtorch.func import vmap as vmap
from jaxtorch.futures import Future as Future
from jaxtorch.interop.dlpack import from_dlpack as from_dlpack, to_dlpack as to_dlpack
from jaxtorch.introspection import (
    compiled_with_cxx11_abi as compiled_with_cxx11_abi,
    get_device_module as get_device_module,
    has_lapack as has_lapack,
    has_mkl as has_mkl,
    has_openmp as has_openmp,
    has_spectral as has_spectral,
    thread_safe_generator as thread_safe_generator,
    typename as typename,
)
from jaxtorch.layouts import (
    channels_last as channels_last,
    channels_last_3d as channels_last_3d,
    contiguous_format as contiguous_format,
    jagged as jagged,
    layout as layout,
    memory_format as memory_format,
    preserve_format as preserve_format,
    sparse_bsc as sparse_bsc,
    sparse_bsr as sparse_bsr,
    sparse_coo as sparse_coo,
    sparse_csc as sparse_csc,
    sparse_csr as sparse_csr,
    strided as strided,
)
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
    detach as detach,
    get_device as get_device,
    is_complex as is_complex,
    is_conj as is_conj,
    is_floating_point as is_floating_point,
    is_inference as is_inference,
    is_neg as is_neg,
    is_nonzero as is_nonzero,
    is_same_size as is_same_size,
    is_signed as is_signed,
    numel as numel,
    result_type as result_type,
    set_default_tensor_type as set_default_tensor_type,
)
from jaxtorch.printing import (
    get_printoptions as get_printoptions,
    set_printoptions as set_printoptions,
)
from jaxtorch.random import (
    Generator as Generator,
    default_generator as default_generator,
    get_rng_state as get_rng_state,
    initial_seed as initial_seed,
    manual_seed as manual_seed,
    seed as seed,
    set_rng_state as set_rng_state,
)
from jaxtorch.serialization import load as load, save as save
from jaxtorch.serialization.records import (
    PyTorchFileReader as PyTorchFileReader,
    PyTorchFileWriter as PyTorchFileWriter,
)
from jaxtorch.settings import (
    are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled,
    get_deterministic_debug_mode as get_deterministic_debug_mode,
    get_float32_matmul_precision as get_float32_matmul_precision,
    get_num_interop_threads as get_num_interop_threads,
    get_num_threads as get_num_threads,
    init_num_threads as init_num_threads,
    is_deterministic_algorithms_warn_only_enabled as is_deterministic_algorithms_warn_only_enabled,
    is_warn_always_enabled as is_warn_always_enabled,
    set_deterministic_debug_mode as set_deterministic_debug_mode,
    set_float32_matmul_precision as set_float32_matmul_precision,
    set_flush_denormal as set_flush_denormal,
    set_num_interop_threads as set_num_interop_threads,
    set_num_threads as set_num_threads,
    set_warn_always as set_warn_always,
    use_deterministic_algorithms as use_deterministic_algorithms,
)
from jaxtorch.size import Size as Size
from jaxtorch.sparse import sparse_coo_tensor as sparse_coo_tensor, spmm as spmm
from jaxtorch.storage import (
    BFloat16Storage as BFloat16Storage,
    BoolStorage as BoolStorage,
    ByteStorage as ByteStorage,
    CharStorage as CharStorage,
    ComplexDoubleStorage as ComplexDoubleStorage,
    ComplexFloatStorage as ComplexFloatStorage,
    DoubleStorage as DoubleStorage,
    FloatStorage as FloatStorage,
    HalfStorage as HalfStorage,
    IntStorage as IntStorage,
    LongStorage as LongStorage,
    ShortStorage as ShortStorage,
    TypedStorage as TypedStorage,
    UntypedStorage as UntypedStorage,
    is_storage as is_storage,
)
from jaxtorch.streams import Event as Event, Stream as Stream
from jaxtorch.summary import summary as summary
from jaxtorch.symbolic import (
    SymBool as SymBool,
    SymFloat as SymFloat,
    SymInt as SymInt,
    sym_float as sym_float,
    sym_int as sym_int,
    sym_ite as sym_ite,
    sym_max as sym_max,
    sym_min as sym_min,
    sym_not as sym_not,
    sym_sqrt as sym_sqrt,
    sym_sum as sym_sum,
)
from jaxtorch.tensor import Tensor as Tensor
from jaxtorch.version import __version__ as __version__

newaxis = None
torch = sys.modules[__name__]  # as PyTorch's package has itself
igamma, igammac, mvlgamma = special.gammainc, special.gammaincc, special.multigammaln

# torch.jit, which as a call is the jit imported above: a type checker is to see that one.
ScriptModule = importlib.import_module("jaxtorch.jit").ScriptModule
globals().update(FOREACH)
__getattr__ = left_out.attributes_of(__name__)  # the submodules not imported above, on first use
