"""Objects to be saved, made with either library, and what can be said of them after loading."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
from collections import Counter, OrderedDict, defaultdict

import numpy as np

DTYPES = (
    "float16", "bfloat16", "float32", "float64", "uint8", "uint16", "uint32", "uint64", "int8",
    "int16", "int32", "int64", "bool", "complex64", "complex128",
)  # fmt: skip
NEW = ("uint16", "uint32", "uint64")  # not in the formats before 1.6


def dtypes(torch, names=DTYPES):
    return {name: torch.tensor([0, 1, 3, 2]).to(getattr(torch, name)) for name in names}


def views(torch):
    """Tensors that share storages, in all the ways that strides can express."""
    x = torch.arange(24.0).reshape(4, 6)
    lonely = torch.arange(12.0).reshape(3, 4)
    return {
        "whole": x, "rows": x[1:3], "columns": x[:, 1::2], "turned": x.t(), "flat": x.view(-1)[5:9],
        "deeper": x[1:].t()[2:, ::2], "diagonal": x.diagonal(1), "again": x.detach(),
        "expanded": x[:1].expand(3, 6), "windows": x.view(-1).unfold(0, 4, 2), "one": x[2, 3],
        "cube": x.view(2, 2, 6).permute(2, 0, 1), "only a view": lonely[1:, ::3], "none": x[4:],
        "picked": x.as_strided((3, 2), (5, 3), 2),
    }  # fmt: skip


def containers(torch):
    x = torch.tensor([1.5, -2.0])
    return OrderedDict(
        a=[x, (x, {"deep": [(), [], {}, ((1,), 2)]})], empty=torch.zeros(0, 3), size=x.shape,
        scalar=torch.tensor(7), device=torch.device("cpu"), dtype=torch.bfloat16, s="text\u00e9\n",
        numbers=[0, -1, 255, 256, 65536, -(2**31), 2**40, -(2**100), 0.1, float("inf"), True, None],
        data=b"by\x00tes", array=bytearray(b"ab"), members={1, 2}, complex=3 - 1j,
        counted=Counter("abca"), keys={1: 2, (1, "a"): 3, None: 4, 2.5: 5},
    )  # fmt: skip


def leaves(torch):
    """Gradients wanted, Parameters, tensors with attributes."""
    torch.manual_seed(0)
    leaf = torch.ones(2, requires_grad=True)
    named = torch.tensor([1, 2])
    named.label = "kept"
    frozen = torch.nn.Parameter(torch.tensor([1, 2]), requires_grad=False)
    weight = torch.nn.Parameter(torch.arange(6.0).view(2, 3))
    return {
        "leaf": leaf, "result": leaf * 2, "weight": weight,
        "frozen": frozen, "named": named,
    }  # fmt: skip


def without_storage(torch):
    """Tensors that are more, or less, than a storage seen through strides."""
    at, values = torch.tensor([[1, 0, 1], [0, 2, 0]]), torch.tensor([3.0, 4.0, 5.0])
    coo = torch.sparse_coo_tensor(at, values, (2, 3), check_invariants=True)
    return {
        "coo": coo, "coalesced": coo.coalesce(), "layouts": [torch.strided, torch.sparse_coo],
        "hybrid": torch.sparse_coo_tensor(at[:1], torch.ones(3, 2), (2, 2), check_invariants=True),
        "meta": torch.nn.Linear(2, 3, device="meta", dtype=torch.float16).state_dict(),
        "wanted": torch.nn.Parameter(torch.empty(2, 3, device="meta")),
    }  # fmt: skip


def training(torch):
    """A training run's state after a few steps."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Tanh(), torch.nn.Linear(4, 2)
    )
    optimizers = [
        torch.optim.AdamW(net.parameters(), lr=0.01, amsgrad=True),
        torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True),
    ]
    schedulers = [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5) for optimizer in optimizers]
    resume(torch, net, optimizers, schedulers)
    return {
        "net": net.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
        "schedulers": [scheduler.state_dict() for scheduler in schedulers],
        "rng": torch.get_rng_state(),
        "epoch": 2,
    }


def resume(torch, net, optimizers, schedulers, steps: int = 2):
    """Train for some steps; the losses."""
    x, y = torch.linspace(-1, 1, 15).reshape(5, 3), torch.linspace(0, 1, 10).reshape(5, 2)
    losses = []
    for _ in range(steps):
        for optimizer, scheduler in zip(optimizers, schedulers, strict=True):
            optimizer.zero_grad()
            loss = ((net(x) - y) ** 2).mean()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
    return losses


def go_on(torch, state) -> list[float]:
    """The losses, and what is drawn, when training is taken up from a saved state."""
    net = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Tanh(), torch.nn.Linear(4, 2)
    )
    net.load_state_dict(state["net"])
    optimizers = [
        torch.optim.AdamW(net.parameters(), amsgrad=True),
        torch.optim.SGD(net.parameters(), lr=1.0, momentum=0.9, nesterov=True),
    ]
    schedulers = [torch.optim.lr_scheduler.StepLR(o, 1, 0.5) for o in optimizers]
    for one, saved_state in zip(optimizers, state["optimizers"], strict=True):
        one.load_state_dict(saved_state)
    for one, saved_state in zip(schedulers, state["schedulers"], strict=True):
        one.load_state_dict(saved_state)
    torch.set_rng_state(state["rng"])
    return resume(torch, net, optimizers, schedulers) + torch.rand(3).tolist()


WEIGHTS = (dtypes, views, containers, leaves, without_storage, training)


def defaults(torch):
    """What weights_only=True refuses."""
    found = defaultdict(list)
    found["a"].append(torch.ones(2))
    return found


def facts(obj, seen=None):
    """All that matters of an object, in plain Python: alike for both libraries."""
    seen = {} if seen is None else seen
    if getattr(obj, "is_sparse", False):
        parts = (obj._indices(), obj._values())
        return (
            "sparse",
            [facts(x.detach().clone()) for x in parts],
            tuple(obj.shape),
            obj.is_coalesced(),
        )
    if getattr(obj, "is_meta", False):
        return type(obj).__name__, str(obj.dtype), tuple(obj.shape), obj.requires_grad
    if hasattr(obj, "untyped_storage"):
        storage = seen.setdefault(obj.untyped_storage().data_ptr(), len(seen))
        attributes = getattr(obj, "label", None)
        is_parameter = type(obj).__name__ == "Parameter"
        where = (obj.stride(), obj.storage_offset(), storage) if obj.numel() else ()
        values = obj.detach().tolist()
        return (
            str(obj.dtype), tuple(obj.shape), where, obj.requires_grad, is_parameter, attributes,
            str(obj.device), repr(values),
        )  # fmt: skip
    if isinstance(obj, dict):
        return type(obj).__name__, [(facts(k, seen), facts(v, seen)) for k, v in obj.items()]
    if isinstance(obj, list | tuple):
        return type(obj).__name__, [facts(item, seen) for item in obj]
    if isinstance(obj, float | complex) or "torch" in type(obj).__module__:
        return repr(obj)
    return type(obj).__name__, obj


def saved(torch, obj, **options) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(obj, file, **options)
    file.seek(0)
    return file


def modules(torch):
    """name -> (a module, an input)."""
    nn = torch.nn
    torch.manual_seed(0)
    picture, sentence = torch.ones(2, 3, 8, 8), torch.ones(2, 5, 4)
    return {
        "mlp": (nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Dropout(0.5)), sentence),
        "cnn": (
            nn.Sequential(
                nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), nn.BatchNorm2d(4),
                nn.MaxPool2d(2), nn.ConvTranspose2d(4, 2, 2), nn.GroupNorm(1, 2), nn.Flatten(),
            ),
            picture,
        ),
        "lstm": (nn.LSTM(4, 3, num_layers=2, bidirectional=True, batch_first=True), sentence),
        "gru": (nn.GRU(4, 3), sentence),
        "attention": (nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), sentence),
        "multihead": (nn.MultiheadAttention(4, 2), (sentence, sentence, sentence)),
        "decoder": (nn.TransformerDecoderLayer(4, 2, 8), (sentence, sentence)),
        "embedding": (nn.Embedding(5, 3, padding_idx=0), torch.tensor([[0, 1], [4, 2]])),
        "norms": (nn.Sequential(nn.LayerNorm(4), nn.Softmax(-1), nn.GELU(), nn.PReLU()), sentence),
    }  # fmt: skip


def outputs(module, x) -> list:
    found = module.eval()(*x) if isinstance(x, tuple) else module.eval()(x)
    found = found[0] if isinstance(found, tuple) else found
    return np.round(np.asarray(found.detach().numpy(), np.float64), 5).ravel().tolist()


class _Key:
    def __init__(self, key):
        self.key = key


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        return obj.key if isinstance(obj, _Key) else None


def tar_of_pytorch_0_1() -> io.BytesIO:
    """A file as PyTorch wrote them before 0.1.10: a dict of a tensor and a view of it."""
    parts = {"storages": io.BytesIO(), "tensors": io.BytesIO(), "pickle": io.BytesIO()}
    storages, tensors, objects = parts.values()
    storages.write(pickle.dumps(1, 2))
    storages.write(b"\x80\x02(K\x07X\x03\x00\x00\x00cpuctorch\nFloatStorage\nt.")
    storages.write(struct.pack("<q", 6) + np.arange(6, dtype=np.float32).tobytes())
    storages.write(pickle.dumps([(8, 7, 2, 4)], 2))
    tensors.write(pickle.dumps(2, 2))
    for key, storage, size, stride, offset in ((1, 7, (2, 3), (3, 1), 0), (2, 8, (2,), (2,), 1)):
        tensors.write(pickle.dumps((key, storage, None), 2) + struct.pack("<i4x", len(size)))
        tensors.write(struct.pack(f"<{2 * len(size)}qq", *size, *stride, offset))
    _Pickler(objects, 2).dump({"a": _Key(1), "b": _Key(2)})
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:") as tar:
        for name, part in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size = part.tell()
            part.seek(0)
            tar.addfile(entry, part)
    file.seek(0)
    return file


def file_of_python_2() -> io.BytesIO:
    """A file as PyTorch wrote them under Python 2, whose texts are bytes: ``{"w": tensor}``."""
    parts = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {})]
    parts.append(
        b"\x80\x02}U\x01wctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\n"
        b"U\x0299U\x03cpuK\x03NtQK\x00K\x03\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRs."
    )
    parts.append(b"\x80\x02]U\x0299a.")
    parts.append(struct.pack("<q3f", 3, 1, 2, 3))
    return io.BytesIO(b"".join(parts))
