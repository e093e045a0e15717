"""Small programs about ``nn.Module``, run by torch and by jaxtorch: what they return must agree.

A program takes the library and returns plain values; ``complaint`` turns an exception into its
text.
"""

from __future__ import annotations

import abc
import copy
import pickle
import warnings
from typing import Generic, Protocol, TypeVar

from tests.nn import sharing


def complaint(action) -> str:
    try:
        action()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing raised"


def small(torch):
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = nn.Linear(2, 3)
            self.act = nn.ReLU()
            self.fc2 = nn.Linear(3, 1, bias=False)
            self.register_buffer("scale", torch.ones(1))
            self.register_buffer("shift", torch.zeros(1), persistent=False)

        def forward(self, x):
            return self.fc2(self.act(self.fc1(x))) * self.scale + self.shift

    torch.manual_seed(0)
    return Net()


def names_and_order(torch):
    net = small(torch)
    net.extra = torch.nn.Parameter(torch.zeros(2))
    return {
        "repr": repr(net),
        "parameters": [n for n, _ in net.named_parameters()],
        "own": [n for n, _ in net.named_parameters(recurse=False)],
        "prefixed": [n for n, _ in net.named_parameters(prefix="net")],
        "buffers": [n for n, _ in net.named_buffers()],
        "modules": [(n, type(m).__name__) for n, m in net.named_modules()],
        "children": [n for n, _ in net.named_children()],
        "state": list(net.state_dict()),
        "prefixed state": list(net.state_dict(prefix="a.")),
        "metadata": {k: dict(v) for k, v in net.state_dict()._metadata.items()},
        "dicts": [list(net._parameters), list(net._buffers), list(net._modules)],
        "missing": complaint(lambda: net.nothing),
        "in dir": [n in dir(net) for n in ("fc1", "scale", "extra", "training", "nothing")],
    }


def registration_errors(torch):
    nn = torch.nn
    net = small(torch)

    class Early(nn.Module):
        def __init__(self, what):
            self.x = what

    return [
        complaint(lambda: Early(nn.Linear(1, 1))),
        complaint(lambda: Early(nn.Parameter(torch.zeros(1)))),
        complaint(lambda: setattr(net, "fc1", 3)),
        complaint(lambda: setattr(net.fc1, "weight", 3)),
        complaint(lambda: setattr(net.fc1, "weight", torch.zeros(3, 2))),
        complaint(lambda: setattr(net, "scale", 3)),
        complaint(lambda: net.register_buffer("fc1", torch.zeros(1))),
        complaint(lambda: net.register_buffer("a.b", torch.zeros(1))),
        complaint(lambda: net.register_buffer("", torch.zeros(1))),
        complaint(lambda: net.register_buffer(1, torch.zeros(1))),
        complaint(lambda: net.register_buffer("b", 1)),
        complaint(lambda: net.register_parameter("p", 1)),
        complaint(lambda: net.register_parameter("p", torch.zeros(1))),
        complaint(lambda: net.register_parameter("scale", None)),
        complaint(lambda: net.add_module("m", 1)),
        complaint(lambda: net.add_module("a.b", nn.ReLU())),
        complaint(lambda: net.add_module("", nn.ReLU())),
        complaint(lambda: net.add_module("forward", nn.ReLU())),
        complaint(lambda: nn.Module(1)),
        complaint(lambda: nn.Module(a=1)),
        complaint(lambda: nn.Module()(1)),
        complaint(lambda: nn.Linear(2, 3).train(1)),
        complaint(lambda: net.get_submodule("fc1.nothing")),
        complaint(lambda: net.get_submodule("fc1.weight")),
        complaint(lambda: net.get_parameter("fc1.nothing")),
        complaint(lambda: net.get_parameter("scale")),
        complaint(lambda: net.get_buffer("fc1.weight")),
        complaint(lambda: net.to(torch.int64)),
    ]


def reassignment(torch):
    nn = torch.nn
    net = small(torch)
    seen = []

    def look():
        seen.append([list(net._parameters.items()) == [], list(net._modules), list(net._buffers)])

    net.fc1 = None
    look()
    net.fc1 = nn.Linear(1, 1)
    look()
    net.scale = nn.Parameter(torch.zeros(1))
    look()
    net.act = nn.Parameter(torch.zeros(2))
    look()
    net.act = None
    look()
    del net.fc2
    look()
    net.plain = 3
    net.plain = nn.ReLU()
    look()
    net._modules["late"] = nn.Tanh()
    net._parameters["q"] = nn.Parameter(torch.zeros(1))
    look()
    seen.append([type(net.late).__name__, tuple(net.q.shape), list(net.state_dict())])
    del net._modules["late"]
    seen.append(hasattr(net, "late"))
    net._modules.pop("plain")
    look()
    seen.append(complaint(lambda: net._modules["nothing"]))
    return seen


def modes_and_moves(torch):
    net = small(torch)
    net.bn = torch.nn.BatchNorm1d(2)
    seen = [net.training, net.eval().fc1.training, net.train().fc1.training]
    param, grad = net.fc1.weight, torch.ones(3, 2)
    param.grad = grad
    net.double()
    seen.append([str(t.dtype) for t in net.state_dict().values()])
    seen.append([net.fc1.weight is param, str(param.grad.dtype), param.requires_grad])
    for move in (net.half, net.bfloat16, net.float, net.cpu):
        seen.append(str(move().fc1.bias.dtype))
    seen.append(str(net.to("cpu", torch.float64).scale.dtype))
    seen.append(str(net.to(torch.zeros(1)).scale.dtype))
    seen.append(str(net.type(torch.float64).bn.num_batches_tracked.dtype))
    net.requires_grad_(False)
    seen.append([p.requires_grad for p in net.parameters()])
    net.float().requires_grad_()
    param.grad = torch.ones(3, 2)
    net.zero_grad(set_to_none=False)
    seen.append(param.grad.sum().item())
    net.zero_grad()
    seen.append(param.grad is None)
    order = []
    net.apply(lambda m: order.append(type(m).__name__))
    return [*seen, order]


def copies(torch):
    net = small(torch)
    net.tied = torch.nn.Linear(2, 3)
    net.tied.weight = net.fc1.weight
    net.sizes = [1, 2]
    net.fc1.weight.grad = torch.ones(3, 2)
    seen = []
    for twin in (copy.deepcopy(net), copy.copy(net)):
        seen.append(
            [
                repr(twin) == repr(net), list(twin.state_dict()) == list(net.state_dict()),
                twin.fc1 is net.fc1, twin.fc1.weight is net.fc1.weight,
                twin.tied.weight is twin.fc1.weight, twin.sizes is net.sizes,
                twin.fc1.weight.grad is None, twin.fc1.weight.requires_grad,
                len(list(twin.parameters())),
            ]
        )  # fmt: skip
    twin = copy.deepcopy(net)
    twin.fc1.weight.data.fill_(7)
    twin.fc1 = torch.nn.ReLU()
    seen.append([net.fc1.weight.max().item() < 7, type(net.fc1).__name__])
    layer = pickle.loads(pickle.dumps(torch.nn.Sequential(torch.nn.Linear(2, 2)).eval()))
    seen.append([repr(layer), layer.training, layer[0].weight.requires_grad])
    return seen


def tied_and_shared(torch):
    nn = torch.nn
    net = nn.Module()
    net.a, net.b = nn.Linear(2, 2), nn.Linear(2, 2)
    net.b.weight = net.a.weight
    net.again = net.a
    net.odd = [nn.Linear(1, 1)]
    return [
        [n for n, _ in net.named_parameters()],
        [n for n, _ in net.named_parameters(remove_duplicate=False)],
        [n for n, _ in net.named_modules()],
        [n for n, _ in net.named_modules(remove_duplicate=False)],
        [n for n, _ in net.named_children()],
        list(net.state_dict()),
    ]


def submodules(torch):
    net = torch.nn.Sequential(small(torch), torch.nn.ReLU())
    seen = [repr(net.get_submodule("0.fc1")), net.get_submodule("") is net]
    seen += [tuple(net.get_parameter("0.fc1.weight").shape), net.get_buffer("0.scale").item()]
    net.set_submodule("0.fc1", torch.nn.Tanh())
    seen.append(repr(net))
    seen.append(complaint(lambda: net.set_submodule("", torch.nn.ReLU())))
    seen.append(complaint(lambda: net.set_submodule("0.new", torch.nn.ReLU(), strict=True)))
    return seen


def attribute_protocol(torch):
    class Wrapper(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(self.inner, name)

    class Described(torch.nn.Module):
        count: int = 3

        @property
        def doubled(self):
            return self.count * 2

        def extra_repr(self):
            return "one\ntwo"

        def _get_name(self):
            return "Renamed"

    wrapper, described = Wrapper(torch.nn.Linear(2, 3)), Described()
    described.count = 5
    described.inner = torch.nn.ReLU()
    described.nothing = None
    return [
        wrapper.in_features, complaint(lambda: wrapper.nope), described.doubled, repr(described),
        complaint(lambda: setattr(described, "doubled", 1)).split(":")[0],
        isinstance(wrapper, torch.nn.Module), hasattr(described, "count"),
    ]  # fmt: skip


def parameters_print(torch):
    torch.manual_seed(0)
    p = torch.nn.Parameter(torch.arange(3.0))
    q = torch.nn.Parameter(torch.zeros(1, dtype=torch.int64), requires_grad=False)
    b = torch.nn.Buffer(torch.ones(2))
    m = torch.nn.Module()
    m.b, m.p = b, p
    return [
        repr(p), str(q), repr(torch.nn.Parameter(torch.zeros(2), False)), repr(b), p.is_leaf,
        isinstance(p, torch.nn.Parameter), isinstance(b, torch.nn.Parameter),
        isinstance(b, torch.nn.Buffer), isinstance(p, torch.Tensor), list(m.state_dict()),
        complaint(lambda: torch.nn.Parameter(torch.zeros(1, dtype=torch.int64))),
        tuple(torch.nn.Parameter().shape),
    ]  # fmt: skip


def lazy_layers(torch):
    nn, seen = torch.nn, []

    def build():
        return nn.Sequential(
            nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(3)
        )  # fmt: skip

    net, other = build(), build()
    seen += [repr(net), repr(net[0].weight), list(net.state_dict())]
    seen.append(complaint(lambda: net[0].weight.sum()).split(":")[0])
    seen.append(complaint(lambda: net[0].weight.shape))
    net.double()
    seen.append(str(net[0].weight.dtype))
    net.float()
    torch.manual_seed(1)
    out = net(torch.ones(2, 3, 5, 5))
    seen += [repr(net), [round(v, 2) for v in out.detach().flatten().tolist()]]
    out.sum().backward()
    seen.append([type(net[0]).__name__, tuple(net[0].weight.grad.shape)])
    other.load_state_dict(net.state_dict())
    seen += [tuple(other[0].weight.shape), repr(other)]
    found = other.eval()(torch.ones(2, 3, 5, 5)).detach().flatten()
    return [*seen, [round(v, 2) for v in found.tolist()], repr(other)]


def adaptive_softmax(torch):
    torch.manual_seed(0)
    layer = torch.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10], div_value=2.0)
    out = layer(torch.ones(3, 8), torch.tensor([1, 7, 15]))
    return [
        repr(layer), [round(v, 4) for v in out.output.tolist()], round(out.loss.item(), 4),
        layer.predict(torch.ones(3, 8)).tolist(), tuple(layer.log_prob(torch.ones(3, 8)).shape),
        complaint(lambda: torch.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [10, 5])),
    ]  # fmt: skip


def subclasses(torch):
    """Abstract, generic and protocol bases beside Module, and a mixin's ``__init_subclass__``."""
    keys, item = [], TypeVar("item")

    class Runs(Protocol):
        def run(self): ...

    class Mixin:
        def __init_subclass__(cls, key=None, **kwargs):
            super().__init_subclass__(**kwargs)
            keys.append(key)

    class Abstract(torch.nn.Module, abc.ABC):
        @abc.abstractmethod
        def run(self): ...

    class Whole(Abstract, Runs, Mixin, Generic[item], key="whole"):
        def run(self):
            return 1

    class Prepared(type):
        def __call__(cls, *args, **kwargs):
            made = cls.__new__(cls)
            torch.nn.Module.__init__(made)
            made.__init__(*args, **kwargs)
            return made

    class Short(torch.nn.Module, metaclass=Prepared):
        def __init__(self, size):
            self.layer = torch.nn.Linear(size, 1)

    return [
        type(torch.nn.Module).__name__, repr(Short(3)), keys, Whole().run(), repr(Whole[int]()),
        isinstance(Whole(), Abstract),
        complaint(Abstract).split(" with ")[0],
    ]  # fmt: skip


def dicts_poked(torch):
    """``_parameters``, ``_buffers`` and ``_modules``: read, written, and as ``__dict__`` has
    them."""
    m, seen = torch.nn.Linear(2, 3), []
    params = m._parameters
    seen.append([len(params), list(params.keys()), "weight" in params, list(reversed(params))])
    inner = m.__dict__["_parameters"]
    seen.append([list(inner), inner["weight"] is m.weight, list(m.__dict__.get("_modules"))])
    weight = params.pop("weight")
    m.weight = torch.zeros(3, 2)
    seen.append([type(m.weight).__name__, list(params), list(m.state_dict())])
    params["q"] = weight
    params.update({"r": weight, "s": None})
    params.setdefault("t", None)
    seen.append([list(params), m.s, m.q is weight, list(params | {"k": 1})])
    seen.append([complaint(lambda: params["no"]), complaint(lambda: params.pop("no"))])
    seen.append([params.pop("no", 5), params.popitem()[0], list(copy.deepcopy(params))])
    m.__dict__["_parameters"]["late"] = weight
    seen.append([m.late is weight, list(m._parameters)])
    params.clear()
    seen.append([list(m.parameters()), complaint(lambda: params.popitem())])
    m._modules.update(x=torch.nn.ReLU(), y=None)
    return [*seen, m.y, m._modules.popitem()[0], list(m._modules), list(m.__dict__["_modules"])]


def dicts_exchanged(torch):
    m, seen = torch.nn.Linear(2, 3), []
    before = m._parameters
    m._parameters = {"other": torch.nn.Parameter(torch.zeros(1))}
    seen.append([list(m._parameters), hasattr(m, "weight"), list(before), before["weight"].shape])
    before["more"] = None
    seen.append([hasattr(m, "more"), list(before)])
    m._parameters = before
    seen.append([list(m.state_dict()), list(m._parameters)])
    m.register_buffer("b", torch.ones(2))
    twin = m.__new__(type(m))
    twin.__dict__ = m.__dict__.copy()
    twin._parameters = {}
    twin._buffers = twin._buffers.copy()
    twin._modules = twin._modules.copy()
    twin.weight = m.weight * 2
    twin._buffers["b"] = torch.zeros(2)
    seen.append([list(m.state_dict()), list(twin.state_dict()), m.b.tolist(), twin.b.tolist()])
    seen.append([list(m.__dict__["_parameters"]), len(list(twin.parameters()))])
    return seen


def begun_anew(torch):
    m = torch.nn.Linear(1, 1)
    m.plain = 4
    m.register_forward_hook(lambda m, a, out: None)
    torch.nn.Module.__init__(m)
    early = torch.nn.Module.__new__(torch.nn.Module)
    early.plain = 1
    tries = [
        lambda: early._modules, lambda: early.state_dict(), lambda: list(early.parameters()),
        lambda: early.train(), lambda: early.add_module("a", None), lambda: repr(early),
    ]  # fmt: skip
    complaints = [complaint(action).split(":")[0] for action in tries]
    return [hasattr(m, "weight"), m.plain, len(m._forward_hooks), complaints, early.plain]


def conversions(torch):
    """What ``_apply`` hands its function, and which objects stay the same ones."""
    m, seen = torch.nn.BatchNorm1d(2), []
    grad = m.weight.grad = torch.ones(2)

    def look(t):
        seen.append([type(t).__name__, t is m.weight, t.requires_grad, torch.is_grad_enabled()])
        return t

    m._apply(look)
    weight = m.weight
    m.double()
    seen.append([m.weight is weight, m.weight.grad is grad, str(grad.dtype), weight.requires_grad])
    m.zero_grad(set_to_none=False)
    seen.append([m.weight.grad is grad, grad.tolist()])
    seen.append([m.to(None) is m, str(m.to(torch.device("cpu"), torch.float32).weight.dtype)])
    seen.append(str(m.to(tensor=torch.zeros(1, dtype=torch.float64)).weight.dtype))
    for args, kwargs in (
        (("cpu", "cpu"), {}), ((torch.float32, torch.float64), {}), ((), {"foo": 1}),
        ((), {"dtype": "float"}), ((), {"device": torch.float32}), ((), {"memory_format": 3}),
    ):  # fmt: skip
        seen.append(complaint(lambda a=args, k=kwargs: m.to(*a, **k)).split(" - got")[0])
    future = torch.__future__
    seen.append([future.get_overwrite_module_params_on_conversion()])
    future.set_overwrite_module_params_on_conversion(True)
    m.half()
    future.set_overwrite_module_params_on_conversion(False)
    seen.append([m.weight is weight, str(weight.dtype), m.weight.grad is grad, str(grad.dtype)])
    weight = m.weight
    future.set_swap_module_params_on_conversion(True)
    m.float()
    ones = torch.ones(2, dtype=torch.float64)
    m.load_state_dict({**m.state_dict(), "weight": ones}, assign=True)
    future.set_swap_module_params_on_conversion(False)
    return [*seen, m.weight is weight, str(weight.dtype), weight.tolist(), weight.grad is grad]


def repr_and_walks(torch):
    class Blank(torch.nn.Module):
        def extra_repr(self):
            return "a\n\nb"

    m = torch.nn.Module()
    m.a = m.b = Blank()
    m.c = None
    return [
        repr(m), repr(torch.nn.ModuleList([m, m])), len(list(m.modules())),
        len(list(m.modules(remove_duplicate=False))),
    ]  # fmt: skip


def overridden_register_buffer(torch):
    class Old(torch.nn.Module):
        def register_buffer(self, name, tensor):
            seen.append(name)
            super().register_buffer(name, tensor)

    class Like:
        @classmethod
        def __torch_function__(cls, *args):
            return None

    seen, m, like = [], Old(), Like()
    m.register_buffer("x", torch.zeros(1))
    m.x = torch.ones(1)
    m.y = torch.nn.Buffer(torch.zeros(1))
    transient = torch.nn.Buffer(torch.zeros(1), persistent=False)
    seen.append(complaint(lambda: setattr(m, "z", transient)).split(":")[0])
    m.register_buffer("like", like)
    return [*seen, list(m._buffers), m.like is like]


def named_as_its_methods(torch):
    """N-BEATS: a ParameterList under the name of the method that it goes on calling."""

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.parameters = [torch.nn.Parameter(torch.zeros(2))]
            plain = self.parameters[0].shape
            self.parameters = torch.nn.ParameterList(self.parameters)
            self.children = torch.nn.ModuleList([torch.nn.Linear(1, plain[0])])
            self.modules = torch.nn.Linear(1, 1)

    net = Net()
    seen = [
        len(list(net.parameters())), len(list(net.children())), len(list(net.modules())),
        list(net.state_dict()), complaint(lambda: net.register_buffer("children", None)),
        complaint(lambda: setattr(net, "buffers", torch.nn.Parameter(torch.zeros(1)))),
        len(list(copy.deepcopy(net).parameters())),
    ]  # fmt: skip
    del net.parameters
    seen.append([name for name, _ in net.named_parameters()])
    net.buffers = lambda: "its own"
    seen.append(net.buffers())
    del net.buffers
    return [*seen, list(net.buffers()), complaint(lambda: delattr(net, "buffers")).split(":")[0]]


PROGRAMS = [
    names_and_order, registration_errors, reassignment, modes_and_moves, copies, tied_and_shared,
    submodules, attribute_protocol, parameters_print, lazy_layers, adaptive_softmax, subclasses,
    dicts_poked, dicts_exchanged, begun_anew, conversions, repr_and_walks,
    overridden_register_buffer, named_as_its_methods, *sharing.PROGRAMS,
]  # fmt: skip


def run(program, library):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return plain(program(library))


def plain(value):
    """As JSON would give it back."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


def agree(seen, expected, path: str = "", tolerance: float = 2e-5) -> None:
    """Equal, numbers to rounding."""
    if isinstance(expected, float) and isinstance(seen, float):
        assert abs(seen - expected) <= tolerance * max(1, abs(expected)), f"{path}: {seen}"
    elif isinstance(expected, list) and isinstance(seen, list):
        assert len(seen) == len(expected), f"{path}: {seen} {expected}"
        for i, (a, b) in enumerate(zip(seen, expected, strict=True)):
            agree(a, b, f"{path}[{i}]", tolerance)
    else:
        assert seen == expected, path
