"""Conversions between Tensors, Python and NumPy, and devices and dtypes, beside real torch's."""

import array
import copy
import math
import pickle
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import jaxtorch  # noqa: E402


def plain(x):
    if isinstance(x, (list, tuple)):
        return [type(x).__name__, *map(plain, x)]
    if isinstance(x, np.ndarray):
        return str(x.dtype), x.shape, x.tolist()
    if hasattr(x, "requires_grad") and hasattr(x, "tolist"):
        return str(x.dtype), tuple(x.shape), repr(x.tolist()), x.requires_grad, str(x.device)
    if isinstance(x, (float, complex)):
        return type(x).__name__, repr(x)
    return (type(x).__name__, x) if isinstance(x, (bool, int, str, type(None))) else repr(x)


def outcome(f, t):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return plain(f(t))
    except Exception as error:
        return type(error).__name__, str(error).split("\n")[0].replace("jaxtorch.", "torch.")


class Indexed:
    def __index__(self):
        return 1


def grid(t):
    return t.arange(6.0).reshape(2, 3)


CASES = [
    lambda t: bool(t.tensor([1, 2])),
    lambda t: bool(t.tensor([])),
    lambda t: bool(t.tensor([[0.0]])),
    lambda t: int(t.tensor([1, 2])),
    lambda t: float(t.tensor([])),
    lambda t: int(t.tensor(2.7)),
    lambda t: float(t.tensor(True)),
    lambda t: complex(t.tensor([2.0])),
    lambda t: int(t.tensor(1 + 0j)),
    lambda t: float(t.tensor(1 + 1j)),
    lambda t: int(t.tensor(1 + 1j)),
    lambda t: t.tensor([["a"]]),
    lambda t: t.tensor([1, "a"]),
    lambda t: grid(t).item(),
    lambda t: t.tensor([3], dtype=t.uint8).item(),
    lambda t: t.tensor([1.5], dtype=t.bfloat16).item(),
    lambda t: t.tensor([[True]]).item(),
    lambda t: t.tensor(1e300, dtype=t.float64).item(),
    lambda t: t.tensor(0.1).item(),
    lambda t: t.tensor(0.1, dtype=t.float16).tolist(),
    lambda t: t.tensor([[1, 2], [3, 4]]).tolist(),
    lambda t: t.zeros(2, 0).tolist(),
    lambda t: t.tensor([1 + 2j]).tolist(),
    lambda t: [10, 20, 30][t.tensor(1)],
    lambda t: [10, 20, 30][t.tensor([2])],
    lambda t: range(5)[t.tensor(3, dtype=t.uint8)],
    lambda t: t.tensor(3).__index__(),
    lambda t: list(range(t.tensor(3))),
    lambda t: len(grid(t)),
    lambda t: len(t.tensor(1)),
    lambda t: list(grid(t)),
    lambda t: list(t.tensor(1)),
    lambda t: [x for row in grid(t) for x in row],
    lambda t: dict(zip("ab", grid(t), strict=True)),
    lambda t: list(reversed(t.tensor([1, 2, 3]))),
    lambda t: 3.0 in grid(t),
    lambda t: 7 in grid(t),
    lambda t: t.tensor(3.0) in grid(t),
    lambda t: max(t.tensor([3, 1])),
    lambda t: sum(t.tensor([3, 1])),
    lambda t: sorted(t.tensor([3, 1])),
    lambda t: math.sqrt(t.tensor(4.0)),
    lambda t: divmod(t.tensor(7), 2) if hasattr(t.Tensor, "__divmod__") else None,
    lambda t: round(t.tensor(2.567), 2) if hasattr(t.Tensor, "__round__") else None,
    lambda t: abs(t.tensor(-3)),
    lambda t: ~t.tensor([True, False]),
    lambda t: np.float64(2) * t.ones(2),
    lambda t: t.ones(2) * np.float64(2),
    lambda t: t.ones(2, dtype=t.int64) + np.int64(3),
    lambda t: t.ones(2, dtype=t.int32) * np.float32(1.5),
    lambda t: t.tensor(np.float32(1.5)),
    lambda t: t.tensor(np.int16(3)),
    lambda t: t.tensor([np.float64(1), 2]),
    lambda t: t.tensor(np.bool_(True)),
    lambda t: t.ones(3)[np.int64(1)],
    lambda t: t.ones(3)[np.array([0, 2])],
    lambda t: t.zeros(np.int64(2), np.int32(3)),
    lambda t: t.full((2,), np.float64(1.5)),
    lambda t: t.tensor([[1, 2], [3]]),
    lambda t: t.tensor(["a"]),
    lambda t: t.tensor([1, None]),
    lambda t: t.tensor(object()),
    lambda t: t.tensor([1, 2.5, True]),
    lambda t: t.tensor([True, 1]),
    lambda t: t.tensor([1, 2j]),
    lambda t: t.tensor(2**63),
    lambda t: t.tensor([1.7], dtype=t.int64),
    lambda t: t.tensor([300], dtype=t.uint8),
    lambda t: t.tensor([-1], dtype=t.bool),
    lambda t: t.tensor([t.tensor(1), t.tensor(2)]),
    lambda t: t.tensor(range(3)),
    lambda t: t.tensor(array.array("d", [1, 2])),
    lambda t: t.as_tensor(np.arange(3, dtype=np.int32)),
    lambda t: t.as_tensor([1.0], dtype=t.float64),
    lambda t: t.from_numpy(np.ones((2, 2), np.float16)),
    lambda t: t.from_numpy([1, 2]),
    lambda t: t.from_numpy(np.array(["a"])),
    lambda t: t.from_numpy(np.ones(2, ">f4")),
    lambda t: t.asarray([1, 2]),
    lambda t: t.asarray(np.float32([1, 2]), dtype=t.float64),
    lambda t: t.asarray(t.ones(2), copy=True),
    lambda t: t.asarray(2.5),
    lambda t: t.asarray(array.array("i", [1, 2]), dtype=t.int32),
    lambda t: t.asarray(bytearray(b"\x01\x02"), dtype=t.uint8),
    lambda t: t.asarray([1.0], requires_grad=True),
    lambda t: t.frombuffer(bytearray(b"\x01\x00\x02\x00"), dtype=t.int16),
    lambda t: t.frombuffer(bytearray(b"\x01\x00\x02\x00"), dtype=t.uint8, count=2, offset=1),
    lambda t: t.frombuffer(bytearray(b"\x01\x00\x02"), dtype=t.int16),
    lambda t: t.frombuffer(bytearray(4), dtype=t.int16, count=3),
    lambda t: t.frombuffer(bytearray(4), dtype=t.int16, offset=4),
    lambda t: t.frombuffer(bytearray(0), dtype=t.int16),
    lambda t: t.frombuffer(bytearray(4), dtype=t.int16, count=0),
    lambda t: t.ones(2, requires_grad=True).numpy(),
    lambda t: t.ones(2).numpy(),
    lambda t: np.asarray(grid(t)),
    lambda t: np.asarray(grid(t), dtype=np.float64),
    lambda t: np.array(t.tensor(3)),
    lambda t: np.sum(grid(t).numpy()),
    lambda t: grid(t).numpy(force=True),
    lambda t: t.from_dlpack(np.arange(3.0)),
    lambda t: np.from_dlpack(t.arange(3)),
    lambda t: t.from_dlpack(t.arange(3)),
    lambda t: t.ones(2).__dlpack_device__(),
    lambda t: copy.deepcopy(t.ones(2, requires_grad=True)),
    lambda t: copy.copy(t.ones(2)),
    lambda t: copy.deepcopy(t.ones(2, requires_grad=True) * 2),
    lambda t: pickle.loads(pickle.dumps(t.ones(2, dtype=t.float16))),
    lambda t: t.ones(2) == None,  # noqa: E711
    lambda t: t.ones(2) == "a",
    lambda t: t.ones(2) != None,  # noqa: E711
    lambda t: hash(t.ones(1)) == hash(t.ones(1)),
    lambda t: t.ones(2).type(),
    lambda t: t.ones(2).type(t.int32),
    lambda t: t.ones(2).type("torch.DoubleTensor"),
    lambda t: t.ones(2).to("cpu", t.float64),
    lambda t: t.ones(2).to(t.ones(1, dtype=t.int64)),
    lambda t: t.ones(2).to(dtype=t.bool, copy=True),
    lambda t: t.FloatTensor(2, 2).shape,
    lambda t: t.LongTensor([1, 2]),
    lambda t: t.FloatTensor([1, 2]),
    lambda t: t.Tensor(3).shape,
    lambda t: t.Tensor([1, 2]),
    lambda t: isinstance(t.ones(1), t.FloatTensor),
    lambda t: isinstance(t.ones(1), t.LongTensor),
    lambda t: t.ones(2).new_tensor([1, 2]),
    lambda t: t.ones(2).new_zeros(3),
    lambda t: t.zeros(2, 3)[Indexed()],
    lambda t: t.Size([2, 3]) + (4,),
    lambda t: t.Size([2, 3])[1:],
    lambda t: t.Size([2, 3]) == (2, 3),
    lambda t: t.Size((2, 3)).numel(),
    lambda t: t.device("cuda:1"),
    lambda t: t.device("cuda", 0) == t.device("cuda:0"),
    lambda t: t.device("cuda") == t.device("cuda:0"),
    lambda t: t.device("cpu:0") == t.device("cpu"),
    lambda t: t.device(type="cpu"),
    lambda t: t.device(type="cuda", index=1),
    lambda t: t.device("cuda:-1"),
    lambda t: t.device("cuda:1:2"),
    lambda t: t.device("cuda:a"),
    lambda t: t.device(""),
    lambda t: t.device("cuda:0", 1),
    lambda t: t.device(None),
    lambda t: t.device(1.5),
    lambda t: str(t.device("cuda", 3)),
    lambda t: {t.device("cpu"): 1}[t.device("cpu")],
    lambda t: t.device("meta").type,
    lambda t: t.can_cast(t.float32, t.int32),
    lambda t: t.promote_types(t.uint8, t.int8),
    lambda t: t.result_type(t.ones(1, dtype=t.int32), 2.5),
    lambda t: t.result_type(t.tensor(1.0, dtype=t.float64), t.ones(2)),
    lambda t: t.finfo(t.bfloat16).eps,
    lambda t: t.iinfo(t.int64).max,
    lambda t: t.set_default_dtype(t.int32),
    lambda t: t.is_tensor(3),
    lambda t: t.is_floating_point(t.ones(1)),
    lambda t: t.is_nonzero(t.tensor([0.0])),
    lambda t: t.is_nonzero(t.ones(2)),
    lambda t: t.numel(grid(t)),
    lambda t: t.typename(t.ones(1)),
    lambda t: f"{t.tensor(2.5):.1f}|{t.tensor(3):04d}",
    lambda t: format(t.ones(2), ".2f"),
    lambda t: t.ones(2).tolist().__class__.__name__,
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(CASES)))
def test_as_torch(case):
    ours, theirs = outcome(CASES[case], jaxtorch), outcome(CASES[case], torch)
    assert ours == theirs


def test_default_device_as_context_and_decorator():
    for t in (jaxtorch, torch):
        with t.device("cpu"):
            assert str(t.ones(1).device) == "cpu"

        t.set_default_device("cpu")
        assert str(t.get_default_device()) == "cpu"
        t.set_default_device(None)
    made = jaxtorch.device("meta")(jaxtorch.get_default_device)
    assert made().type == "meta" and jaxtorch.get_default_device().type == "cpu"
