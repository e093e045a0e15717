"""torch.cuda where there is no GPU: what programs call unguarded works, the rest says why not."""

import jax
import pytest

from jaxtorch import cuda, devices, random

without_gpu = pytest.mark.skipif(cuda.is_available(), reason="there is a GPU")
with_gpu = pytest.mark.skipif(not cuda.is_available(), reason="there is no GPU")


@without_gpu
def test_what_programs_call_unguarded():
    assert cuda.is_available() is False
    assert cuda.is_initialized() is False
    assert cuda.device_count() == 0 == len(cuda.default_generators)
    assert cuda.memory_allocated() == cuda.max_memory_allocated() == 0
    assert cuda.memory_reserved() == cuda.max_memory_reserved() == 0
    assert cuda.memory_stats() == {}
    assert cuda.is_bf16_supported() is False
    assert cuda.get_rng_state_all() == []
    cuda.empty_cache()
    cuda.seed_all()
    with cuda.device(-1):
        pass


@without_gpu
@pytest.mark.parametrize(
    "function",
    [
        cuda.current_device,
        cuda.get_device_capability,
        cuda.get_device_name,
        cuda.get_device_properties,
        cuda.get_rng_state,
        cuda.init,
        cuda.initial_seed,
        cuda.mem_get_info,
        cuda.synchronize,
        lambda: cuda.set_device(0),
        lambda: random.Generator("cuda"),
    ],
)
def test_the_rest_raises(function):
    with pytest.raises(RuntimeError, match="No CUDA GPUs are available"):
        function()


def test_seeding_leaves_the_cpus_stream_alone():
    random.manual_seed(1)
    expected = random.default_generator.draw32(3).tolist()
    random.manual_seed(1)
    cuda.manual_seed(7)
    cuda.manual_seed_all(8)
    assert random.default_generator.draw32(3).tolist() == expected


def test_bad_devices():
    with pytest.raises(ValueError, match="Expected a cuda device, but got: cpu"):
        cuda.device("cpu")


@with_gpu
def test_a_gpu():
    assert cuda.device_count() == len(jax.devices("gpu")) > cuda.current_device() == 0
    assert cuda.get_device_name() == jax.devices("gpu")[0].device_kind
    assert cuda.get_device_properties().name == cuda.get_device_name(0)
    assert cuda.get_device_properties().total_memory > 0
    assert cuda.memory_allocated() <= cuda.max_memory_allocated()
    assert 0 <= cuda.mem_get_info()[0] <= cuda.mem_get_info()[1]
    cuda.synchronize()
    assert devices.from_jax(jax.devices("gpu")[0]) is devices.device("cuda:0")
    assert devices.device(0) is devices.device("cuda:0")
    cuda.manual_seed_all(3)
    state = cuda.get_rng_state()
    first = random.generator_for(devices.device("cuda:0")).draw32(3).tolist()
    cuda.set_rng_state(state)
    assert random.generator_for(devices.device("cuda:0")).draw32(3).tolist() == first
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        cuda.set_device(99)


@without_gpu
def test_streams_events_and_ranges():
    with cuda.stream(None), cuda.nvtx.range("step {}", 3):
        assert cuda.nvtx.range_push("inner") == 1
        assert cuda.nvtx.range_pop() == 1
    assert cuda.nvtx.range_pop() == -1
    cuda.nvtx.mark("here")
    for make in (cuda.Stream, cuda.current_stream, cuda.default_stream, cuda.Event):
        with pytest.raises(RuntimeError, match="No CUDA GPUs are available"):
            make()
    with pytest.raises(RuntimeError, match="No CUDA GPUs are available"):
        cuda.FloatTensor(2)
    with pytest.raises(
        AttributeError, match="CUDAGraph is left out of jaxtorch: there is no graph"
    ):
        cuda.CUDAGraph()
    assert cuda.memory_summary() and cuda.memory_stats_as_nested_dict() == {}
    assert cuda.is_tf32_supported() is False
    cuda.reset_peak_memory_stats()
