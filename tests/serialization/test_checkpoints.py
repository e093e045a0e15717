"""Checkpoints: what real PyTorch wrote is read, what is written comes back, in every format."""

from __future__ import annotations

import io
import json
import mmap
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

import jaxtorch as torch
from jaxtorch.serialization import archive
from tests.serialization import contents
from tests.serialization.contents import facts, saved

FOLDER = Path(__file__).parents[1] / "reference" / "checkpoints"  # written by real PyTorch 2.13
ANSWERS = json.loads((FOLDER / "answers.json").read_text())


@pytest.mark.parametrize("name, weights_only", [
    ("zip.pt", True), ("zip.pt", False), ("legacy.pt", True), ("legacy.pt", False),
])  # fmt: skip
def test_what_pytorch_wrote_is_read(name, weights_only):
    found = torch.load(FOLDER / name, weights_only=weights_only)
    for make in (
        contents.views, contents.containers, contents.leaves, contents.without_storage,
    ):  # fmt: skip
        assert facts(found[make.__name__]) == facts(make(torch))
    names = list(found["dtypes"])
    assert facts(found["dtypes"]) == facts(contents.dtypes(torch, names))
    assert len(names) == (15 if name == "zip.pt" else 12)
    answer = contents.go_on(torch, found["training"])
    np.testing.assert_allclose(answer, ANSWERS["training"], rtol=1e-5)


def test_other_protocols_and_no_checksums():
    with pytest.warns(UserWarning, match="Detected pickle protocol 4"):
        with pytest.raises(pickle.UnpicklingError, match="Unsupported operand 149"):
            torch.load(FOLDER / "protocol4.pt")
    found = torch.load(FOLDER / "protocol4.pt", weights_only=False)
    assert facts(found) == facts(contents.containers(torch))
    assert facts(torch.load(FOLDER / "no_checksums.pt")) == facts(contents.dtypes(torch))


def test_whole_modules_of_pytorchs():
    with pytest.raises(pickle.UnpicklingError, match="GLOBAL torch.nn.modules.container.Sequentia"):
        torch.load(FOLDER / "modules.pt")
    found = torch.load(FOLDER / "modules.pt", weights_only=False)
    for name, (module, x) in contents.modules(torch).items():
        assert repr(found[name]) == repr(module)
        np.testing.assert_allclose(contents.outputs(found[name], x), ANSWERS[name], atol=2e-5)
    again = torch.load(saved(torch, found), weights_only=False)
    np.testing.assert_allclose(
        contents.outputs(again["mlp"], contents.modules(torch)["mlp"][1]), ANSWERS["mlp"], atol=2e-5
    )
    assert "Linear" in repr(torch.load(FOLDER / "modules_legacy.pt", weights_only=False))


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}])
@pytest.mark.parametrize(
    "make", [contents.views, contents.containers, contents.leaves, contents.without_storage]
)
def test_round_trip(make, options):
    obj = make(torch)
    assert facts(torch.load(saved(torch, obj, **options))) == facts(obj)
    assert facts(pickle.loads(pickle.dumps(obj))) == facts(obj)


def test_writes_go_through_what_was_loaded_together():
    found = torch.load(saved(torch, contents.views(torch)))
    found["turned"][1, 0] = 70
    found["flat"].zero_()
    assert found["whole"][0].tolist() == [0, 70, 2, 3, 4, 0]
    assert found["again"][1].tolist() == [0, 0, 0, 9, 10, 11]
    assert found["expanded"][2].tolist() == [0, 70, 2, 3, 4, 0]


def test_copies_that_share_an_array_are_no_views():
    x = torch.arange(3)
    found = torch.load(saved(torch, [x, x.clone(), torch.Tensor.__deepcopy__(x, {})]))
    found[0].zero_()
    assert found[1].tolist() == found[2].tolist() == [0, 1, 2]


def test_views_of_another_type_are_saved_alone_and_not_together():
    z = torch.tensor([1 + 2j, 3 + 4j])
    assert torch.load(saved(torch, z.imag)).tolist() == [2, 4]
    assert torch.load(saved(torch, torch.arange(2.0).view(torch.int32))).tolist() == [0, 1065353216]


def test_one_storage_as_two_types_is_refused():
    storage = torch.arange(4.0).untyped_storage()
    typed = torch.TypedStorage(wrap_storage=storage, dtype=torch.float32, _internal=True)
    with pytest.raises(RuntimeError, match="view the same data as different types"):
        saved(torch, [storage, typed])


def test_map_location_and_packages(tmp_path):
    torch.save({"a": torch.arange(3), "b": torch.ones(2)}, tmp_path / "x.pt")
    seen = []

    def where(storage, location):
        seen.append((location, storage.nbytes(), storage.device))
        return storage.to(device="cpu:1") if storage.nbytes() == 24 else None

    found = torch.load(tmp_path / "x.pt", where)
    assert seen == [("cpu", 24, torch.device("cpu")), ("cpu", 8, torch.device("cpu"))]
    assert str(found["a"].device) == "cpu:1" and str(found["b"].device) == "cpu"
    assert found["a"].tolist() == [0, 1, 2]
    assert str(torch.load(tmp_path / "x.pt", "cpu:2")["a"].device) == "cpu:2"
    assert str(torch.load(tmp_path / "x.pt", {"cpu": "cpu:3"})["a"].device) == "cpu:3"
    again = torch.load(saved(torch, found))
    assert str(again["a"].device) == "cpu:1"
    with pytest.raises(RuntimeError, match=r"CUDA device but torch.cuda.is_available\(\) is False"):
        torch.load(tmp_path / "x.pt", "cuda")
    with pytest.raises(RuntimeError, match="don't know how to restore data location"):
        torch.load(tmp_path / "x.pt", "elsewhere")
    with pytest.raises(TypeError, match="map_location"):
        torch.load(tmp_path / "x.pt", 1.5)


def test_a_registered_package_tags_and_places(monkeypatch):
    monkeypatch.setattr(torch.serialization.locations, "_packages", [])
    torch.serialization.register_package(
        5, lambda s: "vault", lambda s, place: s if place == "vault" else None
    )
    file = saved(torch, torch.ones(2))
    assert torch.load(file).tolist() == [1, 1]
    monkeypatch.undo()
    file.seek(0)
    with pytest.raises(RuntimeError, match="tagged with vault"):
        torch.load(file)


def test_mmap_reads_no_more_than_is_looked_at(tmp_path):
    path = tmp_path / "big.pt"
    torch.save(contents.views(torch), path)
    assert facts(torch.load(path, mmap=True)) == facts(contents.views(torch))
    with pytest.raises(ValueError, match="f must be a file path"):
        torch.load(saved(torch, torch.ones(1)), mmap=True)
    torch.save(torch.ones(1), path, _use_new_zipfile_serialization=False)
    with pytest.raises(RuntimeError, match="mmap can only be used with files saved with"):
        torch.load(path, mmap=True)


def test_records_are_aligned_and_other_zip_tools_read_them(tmp_path):
    path = tmp_path / "net.pt"
    torch.save(contents.dtypes(torch), path)
    data = path.read_bytes()
    with zipfile.ZipFile(path) as opened:
        assert opened.testzip() is None
        for record in opened.infolist():
            header = struct.unpack_from("<4s5H3I2H", data, record.header_offset)
            assert (record.header_offset + 30 + header[-2] + header[-1]) % 64 == 0
            assert record.filename.startswith("net/")


class Sparse:
    """A file in which large writes are holes."""

    def __init__(self, file):
        self.file = file

    def write(self, data):
        self.file.seek(len(data), 1) if len(data) > 1 << 30 else self.file.write(data)


def test_archives_of_more_than_four_gigabytes(tmp_path):
    huge = np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), (5 << 30,), (1,))
    torch.serialization.set_crc32_options(False)  # it would look at the zeros that are not there
    try:
        with open(tmp_path / "huge.pt", "wb") as file:
            writer = archive.Writer(Sparse(file), "huge")
            for name, data in (("data.pkl", b"N."), ("data/0", huge), ("data/1", b"after")):
                writer.record(name, data)
            writer.close()
    finally:
        torch.serialization.set_crc32_options(True)
    with open(tmp_path / "huge.pt", "rb") as file:
        reader = archive.Reader(file)
        assert reader.size("data/0") == 5 << 30 and reader.read("data/1") == b"after"
    assert torch.load(tmp_path / "huge.pt") is None


def test_a_file_zipped_again_is_read(tmp_path):
    file = saved(torch, {"a": torch.zeros(1000)})
    again = io.BytesIO()
    with zipfile.ZipFile(file) as one, zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as two:
        for record in one.infolist():
            two.writestr(record.filename, one.read(record))
    again.seek(0)
    assert torch.load(again)["a"].sum().item() == 0


def test_bytes_of_the_other_order():
    obj = {"a": torch.arange(3), "c": torch.tensor([1 + 2j]), "b": torch.tensor([True])}
    file, other = saved(torch, obj), io.BytesIO()
    swap = {"archive/data/0": 8, "archive/data/1": 4, "archive/data/2": 1}
    with zipfile.ZipFile(file) as one, zipfile.ZipFile(other, "w") as two:
        for name in one.namelist():
            data = np.frombuffer(one.read(name), np.uint8)
            if name in swap:
                data = data.reshape(-1, swap[name])[:, ::-1]
            two.writestr(name, b"big" if name.endswith("byteorder") else data.tobytes())
    other.seek(0)
    assert facts(torch.load(other)) == facts(obj)


def test_the_byte_order_of_a_file_that_does_not_say():
    file = saved(torch, torch.arange(2), _disable_byteorder_record=True)
    assert torch.load(file).tolist() == [0, 1]
    torch.serialization.set_default_load_endianness(torch.serialization.LoadEndianness.BIG)
    try:
        file.seek(0)
        assert torch.load(file).tolist() == [0, 1 << 56]
    finally:
        torch.serialization.set_default_load_endianness(None)
    with pytest.raises(TypeError, match="Invalid argument type"):
        torch.serialization.set_default_load_endianness("big")


def test_the_tar_format(tmp_path):
    (tmp_path / "old.pt").write_bytes(contents.tar_of_pytorch_0_1().getvalue())
    with pytest.raises(RuntimeError, match="Cannot use ``weights_only=True`` with files saved in"):
        torch.load(tmp_path / "old.pt")
    found = torch.load(tmp_path / "old.pt", weights_only=False)
    assert found["a"].tolist() == [[0, 1, 2], [3, 4, 5]] and found["b"].tolist() == [3, 5]
    found["a"].zero_()
    assert found["b"].tolist() == [0, 0]


def test_files_of_python_2():
    for options in ({}, {"weights_only": False}, {"weights_only": False, "encoding": "latin1"}):
        found = torch.load(contents.file_of_python_2(), **options)
        assert found["w"].tolist() == [1, 2, 3]
    found = torch.load(contents.file_of_python_2(), weights_only=False, encoding="bytes")
    assert found[b"w"].tolist() == [1, 2, 3]


def test_paths_and_file_objects(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(torch.ones(1), "plain.pt")
    assert torch.load(Path("plain.pt")).tolist() == [1]
    with open("plain.pt", "rb") as file:
        assert torch.load(file).tolist() == [1]
    with pytest.raises(RuntimeError, match="Parent directory .* does not exist"):
        torch.save(torch.ones(1), tmp_path / "no" / "x.pt")
    with pytest.raises(FileNotFoundError):
        torch.load("missing.pt")
    with pytest.raises(AttributeError, match="'write' attribute"):
        torch.save(torch.ones(1), 5)
    with pytest.raises(AttributeError, match="seekable"):
        torch.load(b"bytes")


def test_what_is_not_supported_says_so():
    with pytest.raises(NotImplementedError, match="pickle_module"):
        saved(torch, 1, pickle_module=json)
    with pytest.raises(NotImplementedError, match="uint16"):
        saved(torch, contents.dtypes(torch), _use_new_zipfile_serialization=False)
    with pytest.raises(NotImplementedError, match="MAP_SHARED"):
        torch.serialization.set_default_mmap_options(mmap.MAP_SHARED)
    with pytest.raises(RuntimeError, match="explicit pickle_module"):
        torch.load(saved(torch, 1), pickle_module=pickle, weights_only=True)


class Point:
    """Something a program may have in its checkpoints."""

    def __init__(self, x):
        self.x = x


def test_safe_globals():
    serialization = torch.serialization
    file = saved(torch, Point(torch.ones(2)))
    name = f"{Point.__module__}.Point"
    assert serialization.get_unsafe_globals_in_checkpoint(file) == [name]
    file.seek(0)
    with pytest.raises(pickle.UnpicklingError, match=f"safe_globals\\(\\[{name}\\]\\)"):
        torch.load(file)
    with serialization.safe_globals([Point]):
        assert serialization.get_safe_globals() == [Point]
        file.seek(0)
        assert torch.load(file).x.tolist() == [1, 1]
        file.seek(0)
        assert serialization.get_unsafe_globals_in_checkpoint(file) == []
    assert serialization.get_safe_globals() == []
    serialization.add_safe_globals([(Point, name), torch.nn.Linear, torch.optim.Adam])
    file.seek(0)
    assert type(torch.load(file)) is Point
    serialization.clear_safe_globals()
    assert serialization.get_safe_globals() == []


def test_modules_of_ones_own_and_hooks_travel():
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    net.register_buffer("gone", torch.ones(1), persistent=False)
    net[0].weight.label = "mine"
    net[1].weight = net[0].bias  # tied
    found = torch.load(saved(torch, net), weights_only=False)
    assert found[1].weight is found[0].bias and found[0].weight.label == "mine"
    assert list(found.state_dict()) == list(net.state_dict()) and found.gone.tolist() == [1]
    twice = torch.load(saved(torch, net.state_dict()))
    twice["1.weight"].fill_(4)
    assert twice["0.bias"].tolist() == [4, 4]


def test_data_can_be_skipped(tmp_path):
    with torch.serialization.skip_data():
        torch.save(torch.ones(2), tmp_path / "hollow.pt")
        assert torch.load(saved(torch, torch.ones(2))).tolist() == [0, 0]
    assert torch.load(tmp_path / "hollow.pt").tolist() == [0, 0]


def test_records_one_by_one(tmp_path):
    path = tmp_path / "net.pt"
    torch.save({"a": torch.arange(4.0), "b": torch.ones(3, dtype=torch.bfloat16)}, path)
    for file in (str(path), io.BytesIO(path.read_bytes())):
        reader = torch.PyTorchFileReader(file)
        assert {"data.pkl", "data/0", "data/1", "version"} <= set(reader.get_all_records())
        assert reader.has_record("data/0") and not reader.has_record("data/2")
        assert reader.get_record("version") == b"3\n" and reader.get_record_size("data/1") == 6
        found = reader.get_storage_from_record("data/0", 4, torch.float32)
        assert found.shape == (0,) and found.untyped_storage().nbytes() == 16
        assert torch.empty(0).set_(found.untyped_storage(), 1, (3,)).tolist() == [1, 2, 3]
        start = reader.get_record_offset("data/0")
        assert path.read_bytes()[start : start + 16] == reader.get_record("data/0")
        with pytest.raises(RuntimeError, match="failed locating file data/2: file not found"):
            reader.get_record("data/2")
        with pytest.raises(RuntimeError, match=r"\(16 bytes\) does not match expected size \(8 b"):
            reader.get_storage_from_record("data/0", 2, torch.float32)
    with pytest.raises(RuntimeError, match="open file failed"):
        torch.PyTorchFileReader(tmp_path / "none.pt")
    with pytest.raises(RuntimeError, match="PytorchStreamReader failed reading zip archive"):
        torch.PyTorchFileReader(io.BytesIO(b"no archive"))


def test_an_archive_of_one_s_own(tmp_path):
    writer = torch.PyTorchFileWriter(str(tmp_path / "own.pt"))
    writer.write_record("data.pkl", pickle.dumps({"a": 1}, 2), len(pickle.dumps({"a": 1}, 2)))
    writer.write_record("numbers", torch.arange(3).untyped_storage(), 16)
    with pytest.raises(RuntimeError, match="numbers was already written"):
        writer.write_record("numbers", b"", 0)
    with pytest.raises(RuntimeError, match="has 2 bytes, not 3"):
        writer.write_record("short", b"ab", 3)
    writer.write_end_of_file()
    assert writer.archive_name() == "own" and "numbers" in writer.get_all_written_records()
    reader = torch.PyTorchFileReader(tmp_path / "own.pt")
    assert np.frombuffer(reader.get_record("numbers"), np.int64).tolist() == [0, 1]
    assert torch.load(tmp_path / "own.pt") == {"a": 1}
