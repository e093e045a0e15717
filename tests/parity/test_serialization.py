"""Checkpoints both ways: real torch opens what is written here, and the other way round."""

from __future__ import annotations

import io
import pickle
import warnings

import numpy as np
import pytest

import jaxtorch
from tests.nn import rows
from tests.optim.cases import OPTIMIZERS, TOLERANCE, case_id
from tests.serialization import contents
from tests.serialization.contents import facts, saved

torch = pytest.importorskip("torch")
WAYS = [(jaxtorch, torch), (torch, jaxtorch)]
both_ways = pytest.mark.parametrize("writer, reader", WAYS, ids=["to torch", "from torch"])
OPTIONS = [{}, {"_use_new_zipfile_serialization": False}]
formats = pytest.mark.parametrize("options", OPTIONS, ids=["zip", "legacy"])


@both_ways
@formats
@pytest.mark.parametrize("make", contents.WEIGHTS)
def test_weights(make, writer, reader, options):
    old = make is contents.dtypes and options
    obj = (
        make(writer, [n for n in contents.DTYPES if n not in contents.NEW]) if old else make(writer)
    )
    found = reader.load(saved(writer, obj, **options))
    assert facts(found) == facts(writer.load(saved(writer, obj, **options)))
    assert facts(found) == facts(obj)
    assert facts(reader.load(saved(writer, obj, **options), weights_only=False)) == facts(obj)


@both_ways
def test_what_weights_only_refuses(writer, reader):
    obj = contents.defaults(writer)
    with pytest.raises(pickle.UnpicklingError, match="GLOBAL collections.defaultdict was not an a"):
        reader.load(saved(writer, obj))
    assert facts(reader.load(saved(writer, obj), weights_only=False)) == facts(obj)
    unsafe = reader.serialization.get_unsafe_globals_in_checkpoint(saved(writer, obj))
    assert set(unsafe) == {"collections.defaultdict", "builtins.list"}


@both_ways
def test_a_training_run_goes_on_under_the_other(writer, reader):
    state = reader.load(saved(writer, contents.training(writer)))
    ours = contents.go_on(reader, state)
    theirs = contents.go_on(writer, contents.training(writer))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert ours[-3:] == theirs[-3:]  # what was drawn


@both_ways
@formats
@pytest.mark.parametrize("name", contents.modules(torch))
def test_whole_modules(name, writer, reader, options):
    module, x = contents.modules(writer)[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would have the source of its own modules
        file = saved(writer, module.train(), **options)
    found = reader.load(file, weights_only=False)
    assert found.training and repr(found) == repr(module)
    assert [n for n, _ in found.named_parameters()] == [n for n, _ in module.named_parameters()]
    one = reader.tensor
    there = tuple(one(i.tolist()) for i in x) if isinstance(x, tuple) else one(x.tolist())
    np.testing.assert_allclose(
        contents.outputs(found, there), contents.outputs(module, x), atol=2e-5
    )


@pytest.mark.filterwarnings("ignore")  # of constructors
@pytest.mark.parametrize("text", sorted({row.text for row in rows.ROWS}))
def test_every_layer_travels(text):
    """And has on the other side whatever attribute that side's own has."""
    ours, theirs = (
        eval(text, {"nn": library.nn, "torch": library, "F": library.nn.functional})
        for library in (jaxtorch, torch)
    )
    for reader, module, wanted in ((torch, ours, theirs), (jaxtorch, theirs, ours)):
        found = reader.load(
            saved(jaxtorch if module is ours else torch, module), weights_only=False
        )
        assert type(found) is type(wanted) and repr(found) == repr(wanted)
        assert list(found.state_dict()) == list(module.state_dict())
        lacking = {name for name in vars(wanted) if not hasattr(found, name)}
        assert not lacking


@both_ways
def test_whole_modules_of_classes_that_are_allowed(writer, reader):
    module = writer.nn.Sequential(writer.nn.Linear(2, 2), writer.nn.ReLU())
    allowed = [reader.nn.Sequential, reader.nn.Linear, reader.nn.ReLU]
    with reader.serialization.safe_globals(allowed):
        found = reader.load(saved(writer, module))
    assert found[0].weight.tolist() == module[0].weight.tolist()


@both_ways
def test_modules_without_a_forward(writer, reader):
    nn = writer.nn
    obj = nn.ModuleDict({
        "params": nn.ParameterList([nn.Parameter(writer.ones(2))]),
        "named": nn.ParameterDict({"a": nn.Parameter(writer.zeros(1))}),
        "list": nn.ModuleList([nn.Bilinear(1, 2, 3), nn.CosineSimilarity()]),
    })  # fmt: skip
    found = reader.load(saved(writer, obj), weights_only=False)
    assert repr(found) == repr(obj)
    assert found["params"][0].tolist() == [1, 1] and found["named"]["a"].tolist() == [0]


@pytest.mark.filterwarnings("ignore:Seems like")  # step() is no longer the wrapped one
@both_ways
def test_whole_schedulers(writer, reader):
    optimizer = writer.optim.SGD([writer.nn.Parameter(writer.ones(1))], lr=1.0)
    schedulers = [
        writer.optim.lr_scheduler.StepLR(optimizer, 2), writer.optim.lr_scheduler.ExponentialLR(
            optimizer, 0.9), writer.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5),
    ]  # fmt: skip
    found = reader.load(saved(writer, schedulers), weights_only=False)
    for group in (schedulers, found):
        for _ in range(4):
            group[0].optimizer.step()
            for scheduler in group:
                scheduler.step()
    ours, theirs = found[0].optimizer, optimizer
    np.testing.assert_allclose(ours.param_groups[0]["lr"], theirs.param_groups[0]["lr"])


@both_ways
@pytest.mark.parametrize("case", OPTIMIZERS, ids=case_id)
def test_every_optimizer_travels_and_steps_on(case, writer, reader):
    """Whole, with its parameters: the next steps are those that it would have made."""
    name, options = case
    values = np.random.RandomState(0).standard_normal((3, 2)).astype(np.float32)
    p = writer.nn.Parameter(writer.tensor(values))
    optimizer = getattr(writer.optim, name)([p], **options)
    train(p, optimizer)
    found = reader.load(saved(writer, {"p": p, "optimizer": optimizer}), weights_only=False)
    q, other = found["p"], found["optimizer"]
    assert other.param_groups[0]["params"][0] is q
    train(p, optimizer)
    train(q, other)
    tolerance = max(TOLERANCE.get(name, 0), 2e-5)
    np.testing.assert_allclose(q.tolist(), p.tolist(), rtol=tolerance, atol=tolerance)


def train(p, optimizer):
    def closure():
        optimizer.zero_grad()
        loss = ((p - 1) ** 2 * (1 + p.abs())).sum()
        loss.backward()
        return loss

    for _ in range(2):
        optimizer.step(closure)


@both_ways
def test_generators_and_subclasses_of_dict(writer, reader):
    generator = writer.Generator().manual_seed(5)
    writer.rand(3, generator=generator)
    found = reader.load(saved(writer, generator), weights_only=False)
    expected = writer.rand(3, generator=generator).tolist()
    assert reader.rand(3, generator=found).tolist() == expected


@both_ways
def test_conjugates_and_negatives_that_torch_puts_off(writer, reader):
    z = writer.tensor([1 + 2j, 3 - 4j])
    obj = {"conj": z.conj(), "neg": z.conj().imag}
    found = reader.load(saved(writer, {"conj": obj["conj"]}))
    assert found["conj"].tolist() == z.conj().tolist()
    assert reader.load(saved(writer, obj["neg"])).tolist() == obj["neg"].tolist()


@both_ways
def test_map_location_and_mmap(writer, reader, tmp_path):
    path = tmp_path / "net.pt"
    obj = contents.views(writer)
    writer.save(obj, path)
    places = ["cpu", reader.device("cpu"), {"cpu": "cpu"}, lambda s, place: s, lambda s, p: None]
    for place in places:
        assert facts(reader.load(path, map_location=place)) == facts(obj)
    assert facts(reader.load(path, mmap=True)) == facts(obj)
    if reader is torch:
        assert reader.load(path, map_location="meta")["whole"].shape == (4, 6)


@both_ways
def test_checksums_left_out_and_data_left_out(writer, reader):
    writer.serialization.set_crc32_options(False)
    try:
        file = saved(writer, writer.arange(3))
    finally:
        writer.serialization.set_crc32_options(True)
    assert reader.load(file).tolist() == [0, 1, 2]
    with writer.serialization.skip_data():
        file = saved(writer, writer.ones(3))
    assert reader.load(file).shape == (3,)
    file = saved(writer, writer.ones(3))
    with reader.serialization.skip_data():
        assert reader.load(file).shape == (3,)


@both_ways
def test_a_gradient_scalers_state(writer, reader):
    scaler = writer.amp.GradScaler("cpu", init_scale=8.0, growth_interval=3)
    loss = writer.nn.Parameter(writer.ones(1)).sum()
    scaler.scale(loss).backward()
    found = reader.load(saved(writer, scaler.state_dict()))
    other = reader.amp.GradScaler("cpu")
    other.load_state_dict(found)
    assert other.get_scale() == 8.0 and other.get_growth_interval() == 3


@both_ways
@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_later_pickle_protocols(protocol, writer, reader):
    obj = contents.containers(writer)
    file = saved(writer, obj, pickle_protocol=protocol)
    assert facts(reader.load(file, weights_only=False)) == facts(obj)


@pytest.mark.parametrize("obj", [eval, pickle.UnpicklingError, np.float32(1)], ids=repr)
def test_refusals_have_the_same_words(obj):
    file = saved(torch, {"bad": obj})
    words = []
    for library in (torch, jaxtorch):
        file.seek(0)
        with pytest.raises(pickle.UnpicklingError) as error:
            library.load(file)
        words.append(str(error.value).partition("\n\nCheck the")[0].partition("\n\nNothing")[0])
    assert words[0] == words[1]


def test_the_names_are_torchs():
    ours, theirs = set(jaxtorch.serialization.__all__), set(torch.serialization.__all__)
    assert theirs - ours == {"storage_to_tensor_type", "validate_hpu_device"} and not ours - theirs


def test_types_of_storages():
    for library in (jaxtorch, torch):
        normalize = library.serialization.normalize_storage_type
        assert normalize(library.HalfStorage) is library.HalfStorage


def test_the_tar_that_our_tests_read_is_one_of_torchs(tmp_path):
    (tmp_path / "old.pt").write_bytes(contents.tar_of_pytorch_0_1().getvalue())
    found = torch.load(tmp_path / "old.pt", weights_only=False)
    assert found["a"].tolist() == [[0, 1, 2], [3, 4, 5]] and found["b"].tolist() == [3, 5]


def test_the_file_of_python_2_that_our_tests_read_is_one_of_torchs():
    assert torch.load(contents.file_of_python_2())["w"].tolist() == [1, 2, 3]
    found = torch.load(contents.file_of_python_2(), weights_only=False, encoding="bytes")
    assert found[b"w"].tolist() == [1, 2, 3]


class PlainUnpickler(pickle.Unpickler):
    """Reads a plain pickle as a program does that has jaxtorch for torch."""

    def find_class(self, module, name):
        if module.partition(".")[0] == "torch":
            module = "jaxtorch" + module.removeprefix("torch")
        return super().find_class(module, name)


def test_plain_pickles_of_tensors():
    x = torch.arange(6.0).view(2, 3)
    layer = torch.nn.Linear(3, 2)
    sent = {"x": x, "t": x.t(), "row": x[1], "half": x.bfloat16(), "p": layer.weight, "m": layer}
    found = PlainUnpickler(io.BytesIO(pickle.dumps(sent))).load()
    for name in ("x", "t", "row", "half"):
        assert found[name].tolist() == sent[name].tolist()
        assert str(found[name].dtype) == str(sent[name].dtype)
    assert found["t"].stride() == (1, 3)
    assert isinstance(found["p"], jaxtorch.nn.Parameter) and found["p"] is found["m"].weight
    y = found["m"](jaxtorch.ones(1, 3)).detach().numpy()
    np.testing.assert_allclose(y, layer(torch.ones(1, 3)).detach().numpy(), rtol=1e-6)
