"""In and out of jax, NumPy and whoever speaks DLPack; without copying where the buffer allows."""

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtorch as torch


def pointer(array):
    return array.unsafe_buffer_pointer()


def test_a_jax_array_becomes_a_tensor_and_comes_back_without_a_copy():
    array = jnp.arange(6.0).reshape(2, 3)
    t = torch.Tensor(array)
    assert t.jax() is array and t.dtype is torch.float32 and t.shape == (2, 3)
    assert pointer(t.detach().jax()) == pointer(array)


def test_jax_and_numpy_take_tensors():
    t = torch.tensor([1.0, 2.0])
    assert jnp.asarray(t).tolist() == [1.0, 2.0] and jnp.sin(t).shape == (2,)
    assert np.asarray(t).tolist() == [1.0, 2.0]
    assert np.asarray(t, dtype=np.float64).dtype == np.float64
    assert np.array(t, copy=True).flags.writeable


def test_numpy_and_a_tensor_share_memory():
    t = torch.arange(64.0)
    view = t.numpy()
    assert view.ctypes.data == pointer(t.jax())
    t.add_(1)
    assert view.tolist() == list(range(64))  # values are immutable: what was taken stays


def test_numpy_of_what_requires_grad_is_refused():
    w = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="Can't call numpy\\(\\) on Tensor that requires grad"):
        w.numpy()
    assert w.detach().numpy().tolist() == w.numpy(force=True).tolist() == [1.0, 1.0]


def test_from_numpy_keeps_types():
    for name in ("bool", "uint8", "int16", "int32", "int64", "float16", "float32", "float64"):
        array = np.ones(3, name)
        t = torch.from_numpy(array)
        assert str(t.dtype) == f"torch.{name}" and t.numpy().dtype == array.dtype


@pytest.mark.parametrize("dtype", ["float32", "int32", "int64", "float64", "uint8"])
def test_dlpack_to_numpy_and_back(dtype):
    t = torch.arange(6, dtype=getattr(torch, dtype)).reshape(2, 3)
    array = np.from_dlpack(t)
    assert array.tolist() == t.tolist() and str(array.dtype) == dtype
    back = torch.from_dlpack(array)
    assert back.tolist() == t.tolist() and back.dtype is t.dtype


def test_dlpack_to_jax_and_back_without_a_copy():
    t = torch.arange(64.0)
    array = jax.dlpack.from_dlpack(t)
    assert pointer(array) == pointer(t.jax())
    assert pointer(torch.from_dlpack(array).jax()) == pointer(array)
    assert pointer(torch.utils.dlpack.from_dlpack(t).jax()) == pointer(array)


def test_dlpack_of_what_requires_grad_is_refused():
    with pytest.raises(BufferError, match="require gradient"):
        np.from_dlpack(torch.ones(2, requires_grad=True))


def test_what_was_exported_is_not_overwritten():
    model = torch.nn.Linear(4, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    taken = np.from_dlpack(model.weight.detach())
    before = taken.copy()
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.ones(1, 4)).sum().backward()
        optimizer.step()
    assert (taken == before).all() and not (model.weight.detach().numpy() == before).all()


def test_from_dlpack_wants_an_exporter():
    with pytest.raises(TypeError, match="__dlpack__"):
        torch.from_dlpack([1, 2])


def aligned(n: int) -> np.ndarray:
    """Ones that begin where XLA can use them."""
    raw = np.empty(4 * n + 64, np.uint8)
    start = -raw.ctypes.data % 64
    array = raw[start : start + 4 * n].view(np.float32)
    array[:] = 1
    return array


def test_imported_memory_is_used_as_it_lies_and_never_written_to():
    array = aligned(64)
    param = torch.nn.Parameter(torch.zeros(64))
    param.data = torch.from_dlpack(array)
    assert pointer(param.jax()) == array.ctypes.data
    optimizer = torch.optim.SGD([param], lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        (param * param).sum().backward()
        optimizer.step()
    assert (array == 1).all() and param[0].item() < 1


def test_what_must_be_copied_is_copied_or_refused():
    turned = aligned(6).reshape(2, 3).T
    assert torch.from_dlpack(turned).shape == (3, 2)
    with pytest.raises(ValueError, match="copy=False"):
        torch.from_dlpack(turned, copy=False)
    array = aligned(64)
    assert pointer(torch.from_dlpack(array, copy=True).jax()) != array.ctypes.data


def test_a_capsule_is_taken_once():
    t = torch.arange(3.0)
    assert torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(t)).tolist() == t.tolist()


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_dlpack_with_pytorch():
    import torch as pytorch

    t = torch.arange(6.0).reshape(2, 3)
    theirs = pytorch.from_dlpack(t)
    assert theirs.tolist() == t.tolist()
    mine = torch.from_dlpack(pytorch.arange(6).reshape(3, 2).t())
    assert mine.tolist() == [[0, 2, 4], [1, 3, 5]] and mine.dtype is torch.int64


def test_a_file_of_numbers(tmp_path):
    file = tmp_path / "numbers"
    np.arange(5, dtype=np.int16).tofile(file)
    assert torch.from_file(str(file), size=3, dtype=torch.int16).tolist() == [0, 1, 2]
    with pytest.raises(RuntimeError, match="has 10 bytes, fewer than the 12 of 6 elements"):
        torch.from_file(str(file), size=6, dtype=torch.int16)
    with pytest.raises(NotImplementedError, match="shared=True"):
        torch.from_file(str(file), True, 1)


def test_questions_as_functions():
    x = torch.ones(2, requires_grad=True)
    assert not torch.detach(x).requires_grad and torch.get_device(x) == -1
    assert torch.is_same_size(x, torch.zeros(2)) and not torch.is_same_size(x, torch.zeros(1, 2))
    assert torch.is_signed(x) and not torch.is_signed(torch.zeros(1, dtype=torch.uint8))
    assert not (torch.is_conj(x) or torch.is_neg(x) or torch.is_inference(x))
    assert x.layout is torch.strided and x.name is None


def test_tensors_are_dense_and_here():
    x = torch.ones(2, 3)
    assert (x.sparse_dim(), x.dense_dim(), x.to_dense() is x, x.is_xla) == (0, 2, True, False)
    assert x.to_dense(torch.float64).dtype is x.double().grad_dtype
    assert x.requires_grad_().unbind()[1].output_nr == 1 and x.output_nr == 0
    assert torch.zeros(2).module_load(torch.ones(2)).tolist() == [1, 1]
    with pytest.raises(RuntimeError, match=r"reinforce\(\) was removed"):
        x.reinforce(1)
    with pytest.raises(RuntimeError, match="no 'xpu' device"):
        x.xpu()
    with pytest.raises(AttributeError, match="share_memory_ is left out"):
        x.share_memory_()
    with pytest.raises(RuntimeError, match="pin_memory=True requires"):
        x.pin_memory()


def test_numpys_functions_of_tensors_make_tensors():
    x = torch.tensor([0.0, 1.0])
    for made in (np.sin(x), np.add(x, 1), np.add(1, x), np.maximum(x, 2), np.cumsum(x)):
        assert type(made) is torch.Tensor and made.dtype is torch.float32
    assert np.isnan(x).dtype is torch.uint8
    assert np.asarray(x, dtype=np.int32).dtype == np.int32


def test_a_tensor_of_several_elements_is_no_index():
    for what in ([1, 2], [1.5]):
        with pytest.raises(TypeError, match="only integer tensors of a single element"):
            [0, 1, 2][torch.tensor(what)]


def test_names_of_types_in_errors():
    for call, name in (
        (lambda: torch.from_numpy(np.float32(1)), "numpy.float32"),
        (lambda: torch.exp(np.ones(2).tolist()), "list"),
        (lambda: torch.relu(np.ones(2)), "numpy.ndarray"),
    ):
        with pytest.raises(TypeError, match=name):
            call()
