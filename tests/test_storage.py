"""Storages: who shares one, what they answer, and that they are not written."""

import copy
import io
import pickle

import numpy as np
import pytest

import jaxtorch as torch


def test_views_share_and_copies_do_not():
    x = torch.arange(6.0).reshape(2, 3)
    y = x.view(-1)[4:]
    for other in (x[1], x.t(), x.detach(), x.data, y, x.detach()[0], x.view(torch.int32)):
        assert other.untyped_storage() is x.untyped_storage()
    for other in (x.clone(), x + 0, copy.deepcopy(x), x.t().contiguous()):
        assert other.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()
    assert x[1].data_ptr() - x.data_ptr() == 12 and y.data_ptr() - x.data_ptr() == 16
    assert x.data_ptr() == x.detach().data_ptr() == x.view(3, 2).data_ptr() != 0


def test_the_address_stays_through_writes_and_the_owners_end():
    x = torch.zeros(3)
    address, kept = x.data_ptr(), x.detach()
    x.add_(1)
    x[0] = 5
    assert x.data_ptr() == kept.data_ptr() == address
    del x
    assert kept.data_ptr() == address
    p = torch.nn.Parameter(torch.ones(2))
    assert p.data_ptr() == p.data.data_ptr() and torch.zeros(0).data_ptr() == 0


def test_what_an_untyped_storage_answers():
    x = torch.tensor([[1, 2], [3, 4]], dtype=torch.int16)
    storage = x[1:].untyped_storage()
    assert storage.nbytes() == storage.size() == len(storage) == 8
    assert storage.tolist() == list(storage) == [1, 0, 2, 0, 3, 0, 4, 0]
    assert storage[2] == 2 and storage[2:4].tolist() == [2, 0]
    assert str(storage.device) == "cpu" and not storage.is_cuda and storage.element_size() == 1
    assert repr(storage[:2]) == " 1\n 0\n[torch.storage.UntypedStorage(device=cpu) of size 2]"
    assert storage.cpu() is storage and storage.clone().tolist() == storage.tolist()
    assert torch.is_storage(storage) and not torch.is_storage(x)
    x[0, 0] = 9
    assert storage[0] == 9
    assert torch.UntypedStorage(3).tolist() == [0, 0, 0]
    assert torch.UntypedStorage([1, 2]).tolist() == [1, 2]
    with pytest.raises(TypeError, match="a size or a sequence"):
        torch.UntypedStorage(1.5)


def test_what_a_typed_storage_answers(monkeypatch):
    monkeypatch.setattr(torch.storage, "_warned", False)
    x = torch.tensor([[1.5, 2], [3, 4]])
    with pytest.warns(UserWarning, match="TypedStorage is deprecated"):
        storage = x.storage()
    assert storage.tolist() == [1.5, 2, 3, 4] and storage[1] == 2 and storage.size() == 4
    assert storage.dtype is torch.float32 and storage.nbytes() == 16
    assert storage.data_ptr() == x.data_ptr() and storage.untyped() is x.untyped_storage()
    assert isinstance(storage, torch.FloatStorage) and not isinstance(storage, torch.LongStorage)
    assert x.storage_type() is torch.FloatStorage and storage.type() == "torch.FloatStorage"
    assert torch.LongStorage([1, 2]).tolist() == [1, 2] and len(torch.HalfStorage(2)) == 2
    assert storage.pickle_storage_type() == "FloatStorage"


@pytest.mark.parametrize("name", ["copy_", "fill_", "resize_", "share_memory_"])
def test_storages_are_not_written(name):
    with pytest.raises(NotImplementedError, match=f"UntypedStorage.{name}: storages are read-onl"):
        getattr(torch.ones(2).untyped_storage(), name)(1)
    with pytest.raises(NotImplementedError, match="UntypedStorage.__setitem__"):
        torch.ones(2).untyped_storage()[0] = 1


def test_a_file_as_storage(tmp_path):
    (tmp_path / "data").write_bytes(bytes(range(8)))
    assert torch.UntypedStorage.from_file(tmp_path / "data", nbytes=4).tolist() == [0, 1, 2, 3]
    with pytest.raises(RuntimeError, match="has 8 bytes, 9 were asked for"):
        torch.UntypedStorage.from_file(tmp_path / "data", False, 9)
    with pytest.raises(NotImplementedError, match="shared=True"):
        torch.UntypedStorage.from_file(tmp_path / "data", True, 4)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_and_pickles_of_storages(again):
    storage = torch.arange(3).untyped_storage()
    assert again(storage).tolist() == storage.tolist()
    typed = torch.TypedStorage(wrap_storage=storage, dtype=torch.int64, _internal=True)
    assert again(typed).tolist() == [0, 1, 2]


def test_pickles_keep_what_is_shared_and_who_one_is():
    x = torch.arange(6.0).reshape(2, 3)
    p = torch.nn.Parameter(torch.ones(2), requires_grad=False)
    a, b, q, r = pickle.loads(pickle.dumps([x, x[1], p, p]))
    b.zero_()
    assert a.tolist() == [[0, 1, 2], [0, 0, 0]] and q is r and not q.requires_grad
    assert type(q) is torch.nn.Parameter


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_and_dtype(protocol):
    for dtype in torch.dtypes.ALL.values():
        if "float8" not in dtype.name:
            x = torch.tensor([[0, 1], [1, 0]]).to(dtype).t()
            y = pickle.loads(pickle.dumps(x, protocol))
            assert y.dtype is dtype and y.stride() == (1, 2)
            np.testing.assert_array_equal(np.asarray(y), np.asarray(x))


class Labelled(torch.Tensor):
    pass


def test_subclasses_and_attributes_travel():
    x = Labelled(torch.ones(2).jax())
    x.label = {"a": 1}
    y = pickle.loads(pickle.dumps(x))
    assert type(y) is Labelled and y.label == {"a": 1} and y.tolist() == [1, 1]


def send(queue, tensor, module, generator):
    tensor.add_(1)
    queue.put((tensor, tensor[0], module(tensor), generator.initial_seed()))


def test_tensors_modules_and_generators_travel_between_processes():
    from jaxtorch import multiprocessing as mp

    queue = mp.Queue()
    x, net = torch.zeros(2, 2), torch.nn.Linear(2, 1)
    net.weight.data.fill_(1)
    net.bias.data.fill_(0.5)
    process = mp.Process(target=send, args=(queue, x, net, torch.Generator().manual_seed(4)))
    process.start()
    whole, row, out, seed = queue.get(timeout=60)
    process.join(60)
    assert process.exitcode == 0 and seed == 4 and x.sum() == 0
    assert out.tolist() == [[2.5], [2.5]] and out.requires_grad
    row.fill_(7)
    assert whole.tolist() == [[7, 7], [1, 1]]


def test_a_deep_copy_shares_within_itself():
    x = torch.arange(6.0).reshape(2, 3)
    x.label = [1]
    row, again, turned, whole = copy.deepcopy([x[1], x.detach(), x.t(), x])
    row.zero_()
    for one in (again, whole, turned.t()):
        assert one.tolist() == [[0, 1, 2], [0, 0, 0]]
    assert turned.stride() == (1, 3) and x.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert whole.label == [1] and whole.label is not x.label
    whole.fill_(1)
    assert row.tolist() == [1, 1, 1]
    leaf = torch.ones(2, requires_grad=True)
    (leaf * 2).sum().backward()
    twin = copy.deepcopy(leaf)
    assert twin.requires_grad and twin.is_leaf and twin.grad.tolist() == [2, 2]
    (twin * 3).sum().backward()
    assert twin.grad.tolist() == [5, 5] and leaf.grad.tolist() == [2, 2]


def test_what_a_tensor_is_made_of_is_no_attribute_of_a_users():
    from jaxtorch._utils import attributes

    x = torch.ones(2, 2, requires_grad=True)
    y = (x * 2)[0]
    y.retain_grad()
    x.register_hook(lambda g: g)
    y.sum().backward()
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    net(torch.ones(2, 2)).sum().backward()
    torch.optim.Adam(net.parameters()).step()
    z = torch.zeros(3)
    z.detach().add_(1)
    z.data_ptr()
    for t in (x, y, x.grad, x.detach(), z, z[0], *net.parameters(), *net.buffers()):
        assert not attributes(t)


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_storages_in_plain_pickles_of_pytorchs():
    """PyTorch pickles a storage as the bytes of the file that torch.save makes of it."""
    from jaxtorch.storage import _load_from_bytes

    file = io.BytesIO()
    storage = torch.FloatStorage([1.0, 2.0])
    torch.save(storage, file, _use_new_zipfile_serialization=False)
    found = _load_from_bytes(file.getvalue())
    assert found.tolist() == [1.0, 2.0] and found.dtype is torch.float32
