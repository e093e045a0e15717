"""Files that are damaged, or meant to do harm: a clear error, and nothing is run."""

from __future__ import annotations

import io
import os
import pickle
import struct
import subprocess
import sys
import time
import zipfile

import hypothesis
import pytest
from hypothesis import strategies as st

import jaxtorch as torch
from tests.serialization import contents
from tests.serialization.contents import saved

ERRORS = (RuntimeError, pickle.UnpicklingError, EOFError)
LEGACY = {"_use_new_zipfile_serialization": False}


def archive_of(data_pkl: bytes, **records: bytes) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", data_pkl)
        archive.writestr("archive/version", "3\n")
        for name, data in records.items():
            archive.writestr(f"archive/data/{name.lstrip('_')}", data)
    file.seek(0)
    return file


def legacy_of(data_pkl: bytes) -> io.BytesIO:
    head = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    parts = [pickle.dumps(part, 2) for part in head] + [data_pkl, pickle.dumps([], 2)]
    return io.BytesIO(b"".join(parts))


class Runs:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


ran = []


def run(*args):
    ran.append(args)


ATTACKS = {
    "os.system": Runs(os.system, "touch /tmp/pwned"),
    "eval": Runs(eval, "__import__('os').getpid()"),
    "subprocess": Runs(subprocess.Popen, ["true"]),
    "a function of one's own": Runs(run),
    "deep inside": {"a": [({"b": Runs(run)},)]},
    "getattr": Runs(getattr, "", "join"),
    "open": Runs(open, "/tmp/pwned", "w"),
    "import": Runs(__import__, "antigravity"),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("wrap", [archive_of, legacy_of])
def test_nothing_is_called(attack, wrap, tmp_path):
    data = pickle.dumps(ATTACKS[attack], 2)
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        torch.load(wrap(data))
    assert not ran and not os.path.exists("/tmp/pwned")


SPARSE, META = "_utils._rebuild_sparse_tensor", "_utils._rebuild_meta_tensor_no_storage"


@pytest.mark.parametrize("name, args, complaint", [
    (SPARSE, (torch.sparse_coo, (torch.tensor([[2]]), torch.ones(1), (2,))), "found index 2"),
    (SPARSE, (torch.sparse_coo, (torch.tensor([[-1]]), torch.ones(1), (2,))), "inconsistent with"),
    (SPARSE, (torch.sparse_csr, ()), "of the layout torch.sparse_csr"),
    (SPARSE, (torch.sparse_coo, (1, 2, 3)), "made of two Tensors"),
    (META, (torch.int8, (1 << 60,), (1,), False), "larger than any memory"),
    (META, (torch.int8, (-1,), (1,), False), "not those of a tensor"),
    ("_utils._get_layout", ("torch.layout",), "KeyError"),
])  # fmt: skip
def test_what_is_made_of_parts_that_do_not_fit(name, args, complaint):
    function = torch
    for part in name.split("."):
        function = getattr(function, part)
    with pytest.raises((*ERRORS, NotImplementedError), match=complaint):
        torch.load(saved(torch, Runs(function, *args)))


def test_modules_of_the_system_are_blocked_even_if_someone_allowed_them():
    with torch.serialization.safe_globals([(os.system, "posix.system"), (run, "os.run")]):
        with pytest.raises(pickle.UnpicklingError, match="whose module posix is blocked"):
            torch.load(archive_of(pickle.dumps(os.system, 2)))


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def number(n: int) -> bytes:
    data = pickle.encode_long(n)
    return b"\x8a" + bytes([len(data)]) + data


STORAGE = (
    b"(X\x07\x00\x00\x00storage" + name("torch", "FloatStorage")
    + b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ"
)  # fmt: skip
REBUILD = name("torch._utils", "_rebuild_tensor_v2")
HOOKS = name("collections", "OrderedDict") + b")R"


def tensor(size: bytes, stride: bytes, offset: bytes = b"K\x00", storage: bytes = STORAGE) -> bytes:
    return REBUILD + b"(" + storage + offset + size + stride + b"\x89" + HOOKS + b"tR"


FOUR = b"K\x04\x85"
ONE = b"K\x01\x85"
PICKLES = {
    "outside of its storage": tensor(b"K\x05\x85", ONE),
    "before its storage": tensor(FOUR, ONE, b"J\xff\xff\xff\xff"),
    "strides outside": tensor(FOUR, b"K\x02\x85"),
    "negative strides": tensor(FOUR, b"J\xff\xff\xff\xff\x85"),
    "negative sizes": tensor(b"J\xff\xff\xff\xff\x85", ONE),
    "sizes that are no numbers": tensor(b"X\x01\x00\x00\x00a\x85", ONE),
    "huge sizes": tensor(number(2**62) + b"\x85", ONE),
    "more sizes than strides": tensor(b"K\x02K\x02\x86", ONE),
    "no storage": tensor(FOUR, ONE, storage=b"]"),
    "a storage of a type that is none": STORAGE.replace(b"FloatStorage", b"Size"),
    "a storage that is not there": STORAGE.replace(b"\x000", b"\x001"),
    "a storage of another size": STORAGE.replace(b"K\x04", b"K\x05"),
    "a storage of a negative size": STORAGE.replace(b"K\x04", b"J\xff\xff\xff\xff"),
    "a storage elsewhere": STORAGE.replace(b"cpu", b"../"),
    "a path for a key": STORAGE.replace(b"X\x01\x00\x00\x000", b"X\x06\x00\x00\x00../../"),
    "another persistent id": b"X\x01\x00\x00\x00aQ",
    "a list as function": b"])R",
    "a tensor as function": name("torch", "Tensor") + number(10**12) + b"\x85R",
    "a tensor as class": name("torch", "Tensor") + number(10**12) + b"\x85\x81",
    "a parameter of a size": name("torch.nn.parameter", "Parameter") + b"K\x05\x85R",
    "bytes of a size": name("builtins", "bytearray") + number(10**13) + b"\x85R",
    "a dtype as function": name("torch", "float32") + b")R",
    "a set that is none": name("builtins", "set") + b"K\x05\x85R",
    "another codec": name("_codecs", "encode") + b"X\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R",
    "an attribute of the engine": (
        name("torch._tensor", "_rebuild_from_type_v2") + b"(" + REBUILD + name("torch", "Tensor")
        + b"(" + STORAGE + b"K\x00" + FOUR + ONE + b"\x89" + HOOKS + b"t}X\x05\x00\x00\x00_nodeK"
        b"\x01stR"
    ),
    "another type": (
        name("torch._tensor", "_rebuild_from_type_v2") + b"(" + REBUILD
        + name("collections", "Counter") + b"(" + STORAGE + b"K\x00" + FOUR + ONE + b"\x89" + HOOKS
        + b"t}tR"
    ),
    "an unhashable key": b"}]K\x01s",
    "state for a list": b"]}b",
    "append to a dict": b"}K\x01a",
    "items for a list": b"]K\x01K\x02s",
    "an unknown memo": b"h\x07",
    "an empty stack": b"",
    "marks that are missing": b"t",
    "half a tuple": b"K\x01\x87",
    "a long text": b"X\xff\xff\xff\x7fa",
    "text that is none": b"X\x01\x00\x00\x00\xff",
    "opcodes of other protocols": b"\x95\x00\x00\x00\x00\x00\x00\x00\x00",
    "an instance": b"(ios\nsystem\n",
    "an extension": b"\x82\x01",
}  # fmt: skip


@pytest.mark.parametrize("what", PICKLES)
def test_pickles_that_lie(what):
    file = archive_of(b"\x80\x02" + PICKLES[what] + b".", _0=bytes(16))
    with pytest.raises(ERRORS):
        torch.load(file)


def test_a_small_storage_with_a_huge_tensor_costs_nothing_until_it_is_looked_at():
    strides = b"K\x00K\x00\x86"
    file = archive_of(
        b"\x80\x02" + tensor(number(2**25) * 2 + b"\x86", strides) + b".", _0=bytes(16)
    )
    assert torch.load(file).shape == (2**25, 2**25)
    file = archive_of(
        b"\x80\x02" + tensor(number(2**31) * 2 + b"\x86", strides) + b".", _0=bytes(16)
    )
    with pytest.raises(RuntimeError, match="larger than any memory"):
        torch.load(file)


def test_memo_bombs_and_nesting():
    # Each list holds the one before ten times: 10**40 items, if anyone were to count them.
    laughs = b"]q\x00" + b"".join(
        b"](" + b"h" + bytes([i]) + (b"h" + bytes([i])) * 9 + b"eq" + bytes([i + 1])
        for i in range(40)
    )
    assert len(torch.load(archive_of(b"\x80\x02" + laughs + b"."))) == 10
    deep = torch.load(archive_of(b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b"."))
    for _ in range(99_999):
        deep = deep[0]
    assert deep == []
    for nested in (
        b")" + b"\x85" * 100_000,
        b")q\x00" + b"".join(b"0h\x00h\x00\x86q\x00" for _ in "ab"),
    ):
        with pytest.raises(pickle.UnpicklingError, match="nested more than 100 deep|Unsupported"):
            torch.load(archive_of(b"\x80\x02}" + nested + b"K\x01s."))
    with pytest.raises(pickle.UnpicklingError, match="nested more than 100 deep"):
        torch.load(archive_of(
            b"\x80\x02" + name("builtins", "set") + b"]" + b")" + b"\x85" * 1000 + b"a\x85R."
        ))  # fmt: skip


def zip_with(file: io.BytesIO, change) -> io.BytesIO:
    data = bytearray(file.getvalue())
    return io.BytesIO(bytes(change(data) or data))


def test_damaged_archives_say_so():
    good = saved(torch, {"w": torch.arange(100.0)})
    data = good.getvalue()
    at = data.index(torch.arange(100.0).numpy().tobytes())
    with pytest.raises(RuntimeError, match="data/0: its checksum is wrong"):
        torch.load(io.BytesIO(data[:at] + b"\xff" + data[at + 1 :]))
    with pytest.raises(RuntimeError, match="failed finding central directory"):
        torch.load(io.BytesIO(data[:-30]))
    with pytest.raises(RuntimeError, match="failed"):
        torch.load(io.BytesIO(data[: len(data) // 2]))
    with pytest.raises(RuntimeError, match="file not found: data.pkl"):
        other = io.BytesIO()
        with zipfile.ZipFile(other, "w") as archive:
            archive.writestr("readme.txt", "not a checkpoint")
        other.seek(0)
        torch.load(other)
    with pytest.raises(pickle.UnpicklingError, match="Unsupported operand 60"):
        torch.load(io.BytesIO(b"<html>404</html>"))
    with pytest.raises(EOFError, match="Ran out of input"):
        torch.load(io.BytesIO(b""))
    legacy = saved(torch, {"w": torch.arange(100.0)}, **LEGACY).getvalue()
    with pytest.raises(
        RuntimeError, match="unexpected EOF, expected 10 more bytes. The file might"
    ):
        torch.load(io.BytesIO(legacy[:-10]))
    with pytest.raises(RuntimeError, match="Invalid magic number; corrupt file"):
        torch.load(io.BytesIO(pickle.dumps(5, 2)))


def test_zip_bombs_and_tricks():
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(1 << 26))
    bomb.seek(0)
    began = time.perf_counter()
    with pytest.raises(RuntimeError, match="claims to be 67108864 bytes"):
        torch.load(bomb)
    assert time.perf_counter() - began < 5
    # Many records that are all the same bytes of the file.
    file = saved(torch, [torch.zeros(1000), torch.zeros(1000)])
    data = bytearray(file.getvalue())
    central = data.index(b"PK\x01\x02")
    first = data.index(b"archive/data/0", central) - 46
    second = data.index(b"archive/data/1", central) - 46
    data[second + 42 : second + 46] = data[first + 42 : first + 46]
    with pytest.raises(RuntimeError, match="lies over another"):
        torch.load(io.BytesIO(bytes(data)))
    twice = io.BytesIO()
    with zipfile.ZipFile(twice, "w") as archive:
        archive.writestr("a/data.pkl", b"N.")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a/data.pkl", b"N.")
    twice.seek(0)
    with pytest.raises(RuntimeError, match="two records have the same name"):
        torch.load(twice)
    outside = io.BytesIO()
    with zipfile.ZipFile(outside, "w") as archive:
        archive.writestr("../../etc/data.pkl", b"\x80\x02K\x01.")
    outside.seek(0)
    assert torch.load(outside) == 1  # a name in an archive is no path: nothing is unpacked


def test_a_lie_about_the_length_of_the_legacy_formats_storages():
    data = saved(torch, torch.arange(4.0), **LEGACY).getvalue()
    lie = struct.pack("<q", 1 << 60)
    at = data.index(struct.pack("<q", 4), len(data) - 30)
    with pytest.raises(RuntimeError, match="unexpected EOF"):
        torch.load(io.BytesIO(data[:at] + lie + data[at + 8 :]))


OBJECT = {"w": [contents.views(torch)["whole"]], "n": (1, 2.5, "text", b"bytes"), "p": None}
FILES = [saved(torch, OBJECT).getvalue(), saved(torch, OBJECT, **LEGACY).getvalue()]
limits = hypothesis.settings(
    max_examples=150, deadline=None, derandomize=True, database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)  # fmt: skip


def load_anything(data: bytes):
    """Load it, or raise one of the errors that say that a file is bad."""
    try:
        return torch.load(io.BytesIO(data))
    except ERRORS:
        return None
    except (ValueError, NotImplementedError, UserWarning) as error:
        return str(error)  # of an option: a byte order, a protocol


@limits
@hypothesis.given(st.data())
def test_bytes_changed_anywhere(data):
    file = bytearray(data.draw(st.sampled_from(FILES)))
    for _ in range(data.draw(st.integers(1, 4))):
        if not file:
            break
        at = data.draw(st.integers(0, len(file) - 1))
        how = data.draw(st.sampled_from(["flip", "drop", "double", "cut"]))
        if how == "flip":
            file[at] ^= data.draw(st.integers(1, 255))
        elif how == "drop":
            del file[at : at + data.draw(st.integers(1, 50))]
        elif how == "double":
            file[at:at] = file[at : at + data.draw(st.integers(1, 50))]
        else:
            del file[max(at, 1) :]
    load_anything(bytes(file))


PIECES = [
    STORAGE, REBUILD, HOOKS, FOUR, ONE, tensor(FOUR, ONE), name("collections", "OrderedDict"),
    name("torch", "Size"), name("torch", "device"), name("builtins", "set"),
    name("torch._utils", "_rebuild_parameter"), name("os", "system"), b"(", b"t", b"]", b"}", b")",
    b"R", b"\x81", b"b", b"a", b"e", b"s", b"u", b"N", b"\x88", b"K\x04", b"X\x01\x00\x00\x00a",
    b"q\x00", b"h\x00", b"\x85", b"\x86", b"Q", b"\x8a\x01\xff", b"G" + bytes(8), b"\x8f",
]  # fmt: skip


@limits
@hypothesis.given(st.lists(st.sampled_from(PIECES), max_size=25), st.booleans())
def test_programs_of_opcodes(pieces, legacy):
    data = b"\x80\x02" + b"".join(pieces) + b"."
    load_anything((legacy_of(data) if legacy else archive_of(data, _0=bytes(16))).getvalue())


CHILD = """
import os, sys
import jaxtorch as torch
from jaxtorch.serialization import saving

def die(*args, **kwargs):
    os.kill(os.getpid(), 9)

class Record(saving.Writer):
    def record(self, name, data):
        super().record(name, data)
        self.file.flush()
        if name == "data/1":
            die()

for moment in ("middle", "fsync", "replace"):
    if os.fork() == 0:
        if moment == "middle":
            saving.Writer = Record
        else:
            setattr(os, moment, die)
        torch.save([torch.ones(3), torch.ones(1000)], f"{moment}.pt")
    print(os.WTERMSIG(os.wait()[1]))
"""


def test_a_crash_at_any_moment_leaves_the_old_file_whole(tmp_path):
    for moment in ("middle", "fsync", "replace"):
        torch.save("the old one", tmp_path / f"{moment}.pt")
    done = subprocess.run(
        [sys.executable, "-c", CHILD], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])},
    )  # fmt: skip
    assert done.stdout.split() == ["9", "9", "9"], done.stderr
    for moment in ("middle", "fsync", "replace"):
        assert torch.load(tmp_path / f"{moment}.pt") == "the old one"


def test_an_error_in_between_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "net.pt"
    torch.save("the old one", path)
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        torch.save([torch.ones(3), lambda: 1], path)
    assert torch.load(path) == "the old one" and os.listdir(tmp_path) == ["net.pt"]


def test_a_file_keeps_its_mode_and_a_link_its_target(tmp_path):
    real, link = tmp_path / "real.pt", tmp_path / "latest.pt"
    torch.save(1, real)
    real.chmod(0o600)
    link.symlink_to(real)
    torch.save(2, link)
    assert link.is_symlink() and torch.load(real) == 2 and real.stat().st_mode & 0o777 == 0o600
