"""The process's settings, and torch.backends' switches for them."""

import os
import subprocess
import sys

import jax
import pytest

import jaxtorch as torch
from jaxtorch.torch_version import TorchVersion


@pytest.fixture
def as_before():
    yield
    torch.backends.cuda.matmul.allow_tf32 = False
    jax.config.update("jax_default_matmul_precision", None)
    torch.use_deterministic_algorithms(False)


def test_the_precision_of_products_is_jaxs_own(as_before):
    assert torch.get_float32_matmul_precision() == "highest"
    torch.set_float32_matmul_precision("medium")
    assert jax.config.jax_default_matmul_precision == "bfloat16"
    assert torch.backends.cuda.matmul.allow_tf32 and torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    assert torch.get_float32_matmul_precision() == "highest"
    assert jax.config.jax_default_matmul_precision == "highest"
    with pytest.warns(UserWarning, match="is not one of 'highest', 'high', or 'medium'"):
        torch.set_float32_matmul_precision("low")


def test_programs_are_compiled_anew_for_another_precision(as_before):
    from jaxtorch.engine import evaluate

    def product():
        x = torch.ones(4, 4) @ torch.ones(4, 4)
        return (x + 1).sum().item()

    assert product() == product() == 80
    torch.set_float32_matmul_precision("high")
    assert not any(s.programs for s in evaluate.STRUCTURES.values())
    assert product() == 80


def test_deterministic_algorithms(as_before):
    assert not torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.is_deterministic_algorithms_warn_only_enabled()
    torch.set_deterministic_debug_mode("error")
    assert torch.get_deterministic_debug_mode() == 2 and torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = False
    assert not torch.are_deterministic_algorithms_enabled()
    with pytest.raises(RuntimeError, match="invalid value of debug_mode"):
        torch.set_deterministic_debug_mode("loud")


def test_threads():
    torch.set_num_threads(torch.get_num_threads())
    torch.ones(1).item()
    with pytest.warns(UserWarning, match=r"set_num_threads\(97\) comes too late"):
        torch.set_num_threads(97)
    with pytest.raises(RuntimeError, match="expects a positive integer"):
        torch.set_num_threads(0)
    program = (
        "import os, jaxtorch as torch; torch.set_num_threads(5); torch.ones(3).sum().item();"
        "names = [open(f'/proc/self/task/{t}/comm').read() for t in os.listdir('/proc/self/task')];"
        "print(torch.get_num_threads(), sum('XLAEigen' in name for name in names))"
    )
    one_device = {**os.environ, "XLA_FLAGS": ""}
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=one_device
    )
    assert ran.stdout == ("5 5\n" if sys.platform == "linux" else ran.stdout), ran.stderr


def test_switches_of_cudnn():
    cudnn = torch.backends.cudnn
    assert cudnn.enabled and not cudnn.benchmark
    with cudnn.flags(benchmark=True):
        assert cudnn.benchmark
    assert not cudnn.benchmark
    with pytest.raises(NotImplementedError, match="cudnn.enabled = False"):
        cudnn.enabled = False
    with pytest.raises(AttributeError, match="no switch 'benchmrak'"):
        cudnn.benchmrak = True


def test_einsum_looks_for_its_order_as_told():
    switch = torch.backends.opt_einsum
    chain = [torch.ones(2, 3), torch.ones(3, 4), torch.ones(4, 5)]
    assert switch.strategy == "auto"
    with switch.flags(strategy="greedy"):
        assert torch.einsum("ij,jk,kl->il", *chain).tolist() == [[12.0] * 5] * 2
        switch.strategy = "no such"
        with pytest.raises(KeyError, match="no such"):
            torch.einsum("ij,jk,kl->il", *chain)
    assert switch.strategy == "auto"


def test_what_is_not_here_says_so():
    backends = torch.backends
    for backend in (backends.mkl, backends.mkldnn, backends.openmp, backends.nnpack, backends.mps):
        assert backend.is_available() is False
    assert backends.opt_einsum.is_available() and backends.opt_einsum.enabled
    assert backends.cpu.get_cpu_capability() in ("AVX512", "AVX2", "DEFAULT")
    assert torch.xpu.is_available() is False and torch.mtia.device_count() == 0
    with pytest.raises(RuntimeError, match="torch.xpu.synchronize: there is no xpu device"):
        torch.xpu.synchronize()
    assert torch.mps.is_available() is False and torch.accelerator.current_accelerator() is None
    assert torch.has_mkl is False and "jax" in torch.__config__.show()


def test_versions_compare_as_versions_do():
    version = TorchVersion("2.13.0+cpu")
    assert version == "2.13" and version >= (2, 9) and version < "2.14" and version != "2.13.1"
    assert version > "2.13.0rc1" and not version > "2.13.0" and version <= "2.13.0.0"
    assert isinstance(version, str) and version.split(".")[0] == "2"


def test_names_of_types():
    assert torch.typename(torch.ones(1, dtype=torch.int64)) == "torch.LongTensor"
    assert torch.typename(3) == "int" and torch.typename(int) == "int"
    assert torch.typename(torch.nn.Linear).endswith("nn.modules.linear.Linear")
    assert repr(torch.channels_last) == "torch.channels_last" and repr(torch.strided) == str(
        torch.strided
    )
    assert torch.ones(2, 2).layout is torch.strided
    assert isinstance(torch.strided, torch.layout)
    assert isinstance(torch.preserve_format, torch.memory_format)
    assert torch.get_device_module("cpu") is torch.cpu


def test_streams_and_events_of_the_cpu():
    stream = torch.cpu.Stream()
    with torch.cpu.stream(stream):
        assert torch.cpu.current_stream() == stream
    assert torch.cpu.current_stream().stream_id == 0
    start, end = torch.Event(enable_timing=True), torch.Event(enable_timing=True)
    with pytest.raises(ValueError, match="must be recorded"):
        start.elapsed_time(end)
    start.record()
    x = torch.ones(64, 64) @ torch.ones(64, 64)
    end.record()
    assert x._node.value is not None, "what was recorded before an event is done by then"
    assert start.elapsed_time(end) > 0 and end.query()
    with pytest.raises(ValueError, match="enable_timing=True"):
        start.elapsed_time(torch.Event())
