"""``torch.cuda``: the GPUs that JAX sees. What JAX offers no way to do is absent, not pretended."""

from jaxtorch import left_out
from jaxtorch.cuda import (
    memory as memory,
    nvtx as nvtx,
    random as random,
    streams as streams,
)
from jaxtorch.cuda._devices import (
    current_device as current_device,
    device as device,
    device_count as device_count,
    device_of as device_of,
    get_device_capability as get_device_capability,
    get_device_name as get_device_name,
    get_device_properties as get_device_properties,
    init as init,
    is_available as is_available,
    is_bf16_supported as is_bf16_supported,
    is_initialized as is_initialized,
    is_tf32_supported as is_tf32_supported,
    set_device as set_device,
    synchronize as synchronize,
)
from jaxtorch.cuda._tensor_types import (
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
)
from jaxtorch.cuda.memory import (
    empty_cache as empty_cache,
    max_memory_allocated as max_memory_allocated,
    max_memory_cached as max_memory_cached,
    max_memory_reserved as max_memory_reserved,
    mem_get_info as mem_get_info,
    memory_allocated as memory_allocated,
    memory_cached as memory_cached,
    memory_reserved as memory_reserved,
    memory_stats as memory_stats,
    memory_stats_as_nested_dict as memory_stats_as_nested_dict,
    memory_summary as memory_summary,
    reset_max_memory_allocated as reset_max_memory_allocated,
    reset_max_memory_cached as reset_max_memory_cached,
    reset_peak_memory_stats as reset_peak_memory_stats,
)
from jaxtorch.cuda.random import (
    default_generators as default_generators,
    get_rng_state as get_rng_state,
    get_rng_state_all as get_rng_state_all,
    initial_seed as initial_seed,
    manual_seed as manual_seed,
    manual_seed_all as manual_seed_all,
    seed as seed,
    seed_all as seed_all,
    set_rng_state as set_rng_state,
    set_rng_state_all as set_rng_state_all,
)
from jaxtorch.cuda.streams import (
    Event as Event,
    Stream as Stream,
    StreamContext as StreamContext,
    current_stream as current_stream,
    default_stream as default_stream,
    set_stream as set_stream,
    stream as stream,
)
from jaxtorch.exceptions import OutOfMemoryError as OutOfMemoryError

_absent = left_out.attributes_of(__name__)


def __getattr__(name: str):
    return is_initialized() if name == "_initialized" else _absent(name)
