"""safetensors files: read and written as the package does; sharded models; lies in headers."""

import io
import json
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
import safetensors
import safetensors.numpy

import jaxtorch as torch
from jaxtorch.interop import safetensors as st

TENSORS = {
    name: torch.tensor([[0, 1, 3], [4, 5, 6]]).to(getattr(torch, name))
    for name in st._NAMES.values()
    if hasattr(torch, name) and "float8" not in name
}


def same(found, expected):
    assert set(found) == set(expected)
    for name, tensor in expected.items():
        assert found[name].dtype is tensor.dtype
        np.testing.assert_array_equal(np.asarray(found[name]), np.asarray(tensor.detach()))


def test_the_package_reads_what_is_written_and_the_other_way_round(tmp_path):
    st.save_file(TENSORS, tmp_path / "ours", {"who": "us"})
    with safetensors.safe_open(tmp_path / "ours", "np") as opened:
        assert opened.metadata() == {"who": "us"} and set(opened.keys()) == set(TENSORS)
    theirs = safetensors.numpy.load_file(tmp_path / "ours")
    for name, tensor in TENSORS.items():
        np.testing.assert_array_equal(theirs[name], tensor.numpy())
    arrays = {name: tensor.numpy() for name, tensor in TENSORS.items()}
    safetensors.numpy.save_file(arrays, tmp_path / "theirs", {"a": "b"})
    same(st.load_file(tmp_path / "theirs"), TENSORS)
    same(st.load((tmp_path / "theirs").read_bytes()), TENSORS)
    same(st.load(st.save(TENSORS)), TENSORS)
    assert st.save(TENSORS, {"who": "us"}) == (tmp_path / "ours").read_bytes()
    same(torch.load(_named(tmp_path, "x.safetensors")), TENSORS)


def _named(folder, name):
    st.save_file(TENSORS, folder / name)
    return folder / name


def test_tensors_are_read_one_by_one_and_by_rows(tmp_path):
    x = torch.arange(60.0).reshape(5, 4, 3)
    st.save_file({"x": x, "scalar": torch.tensor(3), "none": torch.zeros(0, 2)}, tmp_path / "f")
    with st.safe_open(tmp_path / "f", "pt") as opened:
        assert opened.keys() == ["none", "scalar", "x"] and opened.metadata() is None
        assert opened.offset_keys()[0] == "scalar"
        part = opened.get_slice("x")
        assert part.get_shape() == [5, 4, 3] and part.get_dtype() == "F32"
        for index in (
            slice(1, 3), 2, -1, (slice(None), 1), (slice(0, 5, 2), slice(1, 3)), (0, 1, 2),
            slice(4, 2), Ellipsis,
        ):  # fmt: skip
            assert part[index].tolist() == x[index].tolist()
        with pytest.raises(IndexError, match="index 5 is out of bounds"):
            part[5]
        with pytest.raises(KeyError, match="does not contain tensor y"):
            opened.get_tensor("y")
        assert opened.get_tensor("scalar").item() == 3 and opened.get_tensor("none").shape == (0, 2)
        assert opened.get_slice("scalar")[...].item() == 3
    assert str(st.load_file(tmp_path / "f", "cpu:1")["x"].device) == "cpu:1"
    with pytest.raises(NotImplementedError, match="framework='tf'"):
        st.safe_open(tmp_path / "f", "tf")


def test_what_may_not_be_saved(tmp_path):
    x = torch.ones(2, 3)
    with pytest.raises(RuntimeError, match="Some tensors share memory.*save_model"):
        st.save({"a": x, "b": x.view(-1)})
    with pytest.raises(ValueError, match="non contiguous tensor: `a`"):
        st.save({"a": x.t()})
    with pytest.raises(ValueError, match="Key `a` is invalid"):
        st.save({"a": 1})
    with pytest.raises(TypeError, match="has no torch.complex128"):
        st.save({"a": x.to(torch.complex128)})


def net():
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Embedding(7, 4), torch.nn.Linear(4, 7), torch.nn.Linear(7, 2)
    )
    net[1].weight = net[0].weight  # tied
    return net


def test_models_with_tied_weights(tmp_path):
    model, twin = net(), net()
    st.save_model(model, tmp_path / "m.safetensors", {"epoch": "3"})
    with st.safe_open(tmp_path / "m.safetensors") as opened:
        assert opened.metadata() == {"epoch": "3", "1.weight": "0.weight"}
        assert "1.weight" not in opened.keys()
    for p in twin.parameters():
        p.data.zero_()
    assert st.load_model(twin, tmp_path / "m.safetensors") == ([], [])
    same(twin.state_dict(), model.state_dict())
    assert twin[1].weight is twin[0].weight


@pytest.mark.parametrize("size, files", [("5GB", 1), (120, 3), ("0.12KB", 3), (1, 5)])
def test_sharded_models(tmp_path, size, files):
    model, twin = net(), net()
    paths = st.save_sharded(model, tmp_path, size)
    assert len(paths) == files
    for p in twin.parameters():
        p.data.zero_()
    assert st.load_model(twin, tmp_path) == ([], [])
    same(twin.state_dict(), model.state_dict())
    if files > 1:
        index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
        assert index["metadata"] == {"total_size": 4 * (28 + 7 + 14 + 2)}
        assert paths[0].name == f"model-00001-of-{files - 1:05d}.safetensors"
        names = [name for name, _ in st.tensors_in(paths[-1])]
        assert set(names) == set(index["weight_map"]) and "1.weight" not in names


def test_each_array_is_read_once_and_let_go(tmp_path, monkeypatch):
    st.save_sharded(net(), tmp_path, 1)
    reads = []
    original = st.read_exactly
    monkeypatch.setattr(st, "read_exactly", lambda f, at, n: reads.append(n) or original(f, at, n))
    st.load_model(net(), tmp_path)
    assert [reads.count(size) for size in (112, 28, 56)] == [1, 1, 1]


def test_names_and_shapes_that_do_not_fit(tmp_path):
    st.save_file({"weight": torch.ones(2, 2), "more": torch.ones(1)}, tmp_path / "f")
    layer = torch.nn.Linear(2, 3)
    with pytest.raises(
        RuntimeError, match=r'(?s)size mismatch for weight.*Missing.*"bias".*"more"'
    ):
        st.load_model(layer, tmp_path / "f")
    layer = torch.nn.Linear(2, 2, dtype=torch.float64)
    assert st.load_model(layer, tmp_path / "f", strict=False) == (["bias"], ["more"])
    assert layer.weight.tolist() == [[1, 1], [1, 1]] and layer.weight.dtype is torch.float64
    assert layer.weight.requires_grad
    (tmp_path / "a.safetensors").write_bytes(b"")
    (tmp_path / "b.safetensors").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match="has 2 safetensors files and no index"):
        st.load_model(layer, tmp_path)
    for said, words in (({}, "no weight_map"), ({"weight_map": {"w": "../x"}}, "not beside it"),
                        ({"weight_map": {"w": "f"}}, "which has it not")):  # fmt: skip
        (tmp_path / "i.json").write_text(json.dumps(said))
        with pytest.raises(RuntimeError, match=words):
            list(st.tensors_in(tmp_path / "i.json"))


def file_of(header, data: bytes = bytes(8)) -> io.BytesIO:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return io.BytesIO(struct.pack("<Q", len(text)) + text + data)


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


LIES = {
    "an empty file": io.BytesIO(b""),
    "a long header": io.BytesIO(struct.pack("<Q", 1 << 60) + b"{}"),
    "no JSON": file_of(b"{"),
    "deep JSON": file_of(b"[" * 100_000),
    "no mapping": file_of([1]),
    "no entry": file_of({"a": 5}),
    "another dtype": file_of({"a": entry("F99")}),
    "another size": file_of({"a": entry(shape=(3,))}),
    "negative shapes": file_of({"a": entry(shape=(-2, -1))}),
    "offsets outside": file_of({"a": entry(shape=(4,), offsets=(0, 16))}),
    "a hole": file_of({"a": entry(shape=(1,), offsets=(4, 8))}),
    "an overlap": file_of({"a": entry(), "b": entry()}),
    "bytes too many": file_of({"a": entry()}, bytes(9)),
    "a name twice": file_of(b'{"a":1,"a":2}'),
}


@pytest.mark.parametrize("lie", LIES)
def test_headers_that_lie(lie, tmp_path):
    data = LIES[lie].getvalue()
    with pytest.raises(RuntimeError, match="Error while deserializing the safetensors header"):
        st.load(data)
    (tmp_path / "f").write_bytes(data)
    with pytest.raises(RuntimeError, match="Error while deserializing"):
        st.load_file(tmp_path / "f")
    with pytest.raises(safetensors.SafetensorError):  # as the package says
        safetensors.numpy.load(data)


def test_programs_for_pytorchs_own_package_run(tmp_path):
    """Its code for torch reads memory where a tensor's data_ptr() is: here that is no address."""
    script = tmp_path / "script.py"
    script.write_text(
        "import torch, safetensors\n"
        "from safetensors.torch import load_file, safe_open, save_file\n"
        "save_file({'x': torch.arange(6.0).reshape(3, 2).to(torch.bfloat16)}, 'x.safetensors')\n"
        "print(load_file('x.safetensors')['x'].tolist())\n"
        "for opened in (safe_open, safetensors.safe_open):\n"
        "    with opened('x.safetensors', framework='pt', device='cpu') as f:\n"
        "        print(f.get_tensor('x').dtype, f.get_slice('x')[1:].tolist())\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "jaxtorch", str(script)], cwd=tmp_path, capture_output=True,
        text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]",
        *["torch.bfloat16 [[2.0, 3.0], [4.0, 5.0]]"] * 2,
    ], done.stderr
