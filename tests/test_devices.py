"""torch's device names, and the JAX devices they stand for (the tests' cpu is eight of them)."""

import copy
import pickle
import subprocess
import sys
import threading

import jax
import pytest

from jaxtorch import devices
from jaxtorch.devices import device, from_jax, get_default_device, jax_device, set_default_device


@pytest.mark.parametrize(
    "arguments, text, name",
    [
        (("cpu",), "device(type='cpu')", "cpu"),
        (("cpu:0",), "device(type='cpu', index=0)", "cpu:0"),
        (("cuda",), "device(type='cuda')", "cuda"),
        (("cuda:1",), "device(type='cuda', index=1)", "cuda:1"),
        (("cuda", 1), "device(type='cuda', index=1)", "cuda:1"),
        ((device("cuda", 1),), "device(type='cuda', index=1)", "cuda:1"),
        (("cpu", None), "device(type='cpu')", "cpu"),
        (("meta",), "device(type='meta')", "meta"),
        (("mps",), "device(type='mps')", "mps"),
        (("tpu:3",), "device(type='tpu', index=3)", "tpu:3"),
    ],
)
def test_names(arguments, text, name):
    found = device(*arguments)
    assert repr(found) == text
    assert str(found) == name
    assert device(found.type, found.index) == found
    assert device(name) is found


@pytest.mark.parametrize(
    "arguments, error, text",
    [
        (("cuda:1", 2), RuntimeError, "must not include an index because index was passed"),
        ((-1,), RuntimeError, "Device index must not be negative"),
        (("cpu", -1), RuntimeError, "Device index must not be negative"),
        (("cuda:-1",), RuntimeError, "Invalid device string: 'cuda:-1'"),
        (("cuda:01",), RuntimeError, "Invalid device string: 'cuda:01'"),
        (("cuda:",), RuntimeError, "Invalid device string: 'cuda:'"),
        (("cuda:0:1",), RuntimeError, "Invalid device string: 'cuda:0:1'"),
        ((" cpu",), RuntimeError, "Invalid device string: ' cpu'"),
        (("",), RuntimeError, "Device string must not be empty"),
        (("gpu",), RuntimeError, "Expected one of cpu, cuda, .* device string: gpu"),
        (("cuda", True), TypeError, "must be int, not bool"),
        ((None,), TypeError, "invalid combination of arguments - got \\(NoneType\\)"),
        ((1.5,), TypeError, "invalid combination of arguments - got \\(float\\)"),
        ((0,), RuntimeError, "Cannot access accelerator device when none is available."),
    ],
)
def test_bad_names(arguments, error, text):
    with pytest.raises(error, match=text):
        device(*arguments)


def test_is_a_value():
    a = device("cuda:1")
    assert a is device("cuda", 1)
    assert a != device("cuda") and a != "cuda:1"
    assert device("cpu") != device("cpu:0")
    assert {a: 1}[device("cuda:1")] == 1
    assert pickle.loads(pickle.dumps(a)) is copy.deepcopy(a) is copy.copy(a) is a
    with pytest.raises(AttributeError, match="not writable"):
        a.index = 3


def test_jax_devices():
    assert jax_device(device("cpu")) is jax.devices("cpu")[0]
    assert jax_device(device("cpu:3")) is jax.devices("cpu")[3]
    assert jax_device(device("cpu:100")) is jax.devices("cpu")[0]
    assert from_jax(jax.devices("cpu")[0]) is device("cpu")
    assert from_jax(jax.devices("cpu")[3]) is device("cpu:3")


@pytest.mark.parametrize(
    "name, text",
    [
        ("cuda", "No CUDA GPUs are available.*is_available"),
        ("cuda:3", "No CUDA GPUs are available"),
        ("tpu", "No tpu device is available"),
        ("mps", "No mps device is available"),
        ("xla", "has no 'xla' device"),
        ("meta", "has no 'meta' device"),
    ],
)
def test_asking_for_what_is_not_there_raises(name, text):
    with pytest.raises(RuntimeError, match=text):
        jax_device(device(name))


def test_default_device():
    assert get_default_device() is device("cpu")
    with device("cpu:2"):
        assert get_default_device() is device("cpu:2")
        with device("cuda"):
            assert get_default_device() is device("cuda:0")
        seen = []
        thread = threading.Thread(target=lambda: seen.append(get_default_device()))
        thread.start()
        thread.join()
        assert seen == [device("cpu")]
    assert get_default_device() is device("cpu")
    set_default_device("cpu:1")
    assert get_default_device() is device("cpu:1")
    set_default_device(device=None)
    assert get_default_device() is device("cpu")


def test_naming_devices_starts_nothing():
    program = (
        "import jaxtorch, jaxtorch.cuda\n"
        "jaxtorch.cuda.manual_seed_all(3)\n"
        "assert not jaxtorch.cuda.is_initialized()\n"
        "from jaxtorch import devices\n"
        "devices.device('cuda:1')\n"
        "assert not devices.started()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert devices.started()
