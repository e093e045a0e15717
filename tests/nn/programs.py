"""Small programs about ``nn.Module``, run by torch and by jaxtorch: what they return must agree.

A program takes the library and returns plain values; ``complaint`` turns an exception into its
text.
"""

from __future__ import annotations

import abc
import copy
import pickle
import warnings
from collections import OrderedDict
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


def loading(torch):
    net, other = small(torch), small(torch)
    for p in other.parameters():
        p.data.fill_(0.5)
    state = other.state_dict()
    seen = [str(net.load_state_dict(state)), net.fc1.weight.sum().item()]
    seen.append(str(net.load_state_dict({}, strict=False)))
    seen.append(complaint(lambda: net.load_state_dict({})))
    seen.append(complaint(lambda: net.load_state_dict(3)))
    wrong = OrderedDict(state)
    wrong["fc1.weight"] = torch.zeros(5, 2)
    wrong["fc3.weight"] = torch.zeros(1)
    wrong["fc2.bias"] = torch.zeros(1)
    wrong["more"] = torch.zeros(1)
    del wrong["scale"]
    seen.append(complaint(lambda: net.load_state_dict(wrong)))
    seen.append(complaint(lambda: net.load_state_dict(wrong, strict=False)))
    wrong = OrderedDict(state)
    wrong["fc1.weight"] = "text"
    seen.append(complaint(lambda: net.load_state_dict(wrong)))
    doubles = {k: v.double() for k, v in state.items()}
    net.load_state_dict(doubles)
    seen.append(str(net.fc1.weight.dtype))
    net.load_state_dict(doubles, assign=True)
    seen.append([str(net.fc1.weight.dtype), net.fc1.weight.requires_grad, str(net.scale.dtype)])
    return seen


def state_is_shared(torch):
    net = small(torch)
    state = net.state_dict()
    state["fc1.weight"].fill_(2.0)
    kept = net.state_dict(keep_vars=True)
    return [
        net.fc1.weight.sum().item(),
        state["fc1.weight"].requires_grad,
        kept["fc1.weight"] is net.fc1.weight,
    ]


def overridden_state(torch):
    class Odd(torch.nn.Linear):
        _version = 7

        def _save_to_state_dict(self, destination, prefix, keep_vars):
            super()._save_to_state_dict(destination, prefix, keep_vars)
            destination[prefix + "twice"] = self.weight.detach() * 2

        def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
            state_dict.pop(prefix + "twice", None)
            seen.append(dict(local_metadata))
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

        def get_extra_state(self):
            return {"calls": 3}

        def set_extra_state(self, state):
            seen.append(state)

    seen = []
    net = torch.nn.Sequential(Odd(2, 2))
    state = net.state_dict()
    net.load_state_dict(state)
    del state["0._extra_state"]
    seen.append(complaint(lambda: net.load_state_dict(state)))
    plain = torch.nn.Sequential(torch.nn.Linear(2, 2))
    state["0._extra_state"] = 1
    seen.append(complaint(lambda: plain.load_state_dict(state)))
    return [list(state), seen]


def state_hooks(torch):
    net, seen = small(torch), []
    net.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append(["pre", prefix, keep]))
    net.register_state_dict_post_hook(lambda m, s, *rest: s.popitem() and None)
    net.register_load_state_dict_pre_hook(lambda m, s, prefix, *rest: seen.append(sorted(s)))
    net.register_load_state_dict_post_hook(lambda m, keys: seen.append(list(keys.missing_keys)))
    net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    net.fc1._register_load_state_dict_pre_hook(lambda s, *rest: seen.append(len(s)))
    seen.append(str(net.load_state_dict(net.state_dict())))
    bad = small(torch)
    bad.register_state_dict_post_hook(lambda *a: {})
    seen.append(complaint(bad.state_dict))
    return seen


def call_hooks(torch):
    net, seen = small(torch), []
    x = torch.ones(1, 2)
    handles = [
        net.register_forward_pre_hook(lambda m, a: seen.append("pre") or (a[0] * 2,)),
        net.register_forward_pre_hook(lambda m, a: seen.append("first"), prepend=True),
        net.register_forward_hook(lambda m, a, out: seen.append(float(a[0].sum()))),
        net.register_forward_hook(lambda m, a, out: out * 0 + 3),
    ]
    seen.append(net(x).item())
    handles[0].remove()
    with handles[3]:
        net(x)
    seen.append(len(net._forward_hooks))
    net._forward_hooks.clear()
    net._forward_pre_hooks.clear()
    seen.append(net(x).item() == net.forward(x).item())

    def with_kwargs(m, args, kwargs):
        return args, {**kwargs, "input": kwargs["input"] + 1}

    layer = torch.nn.Identity()
    layer.forward = lambda input: input
    layer.register_forward_pre_hook(with_kwargs, with_kwargs=True)
    layer.register_forward_hook(lambda m, a, k, out: seen.append(sorted(k)), with_kwargs=True)
    seen.append(layer(input=torch.zeros(1)).item())
    layer.register_forward_pre_hook(lambda m, a, k: 3, with_kwargs=True)
    seen.append(complaint(lambda: layer(input=torch.zeros(1))))
    failing = torch.nn.Linear(2, 2)
    failing.register_forward_hook(lambda m, a, out: seen.append("always"), always_call=True)
    failing.register_forward_hook(lambda m, a, out: seen.append("never"))
    seen.append(complaint(lambda: failing(torch.zeros(3))).split(":")[0])
    return seen


def every_module_hooks(torch):
    module = torch.nn.modules.module
    net, seen = small(torch), []
    handles = [
        module.register_module_forward_pre_hook(lambda m, a: seen.append(type(m).__name__)),
        module.register_module_forward_hook(lambda m, a, out: seen.append("after")),
        module.register_module_parameter_registration_hook(lambda m, n, p: seen.append(n)),
        module.register_module_buffer_registration_hook(lambda m, n, p: seen.append(n)),
        module.register_module_module_registration_hook(lambda m, n, p: seen.append(n)),
    ]
    net(torch.ones(1, 2))
    net.a = torch.nn.Parameter(torch.zeros(1))
    net.register_buffer("b", torch.zeros(1))
    net.c = torch.nn.ReLU()
    for handle in handles:
        handle.remove()
    net(torch.ones(1, 2))
    return seen


def backward_hooks(torch):
    net, seen = small(torch), []

    def note(name):
        def hook(m, grad_input, grad_output):
            seen.append([name, *(None if g is None else round(g.sum().item(), 4)
                                 for g in (*grad_input, *grad_output))])  # fmt: skip

        return hook

    net.register_full_backward_hook(note("net"))
    net.fc1.register_full_backward_hook(note("fc1"))
    net.fc2.register_full_backward_hook(lambda m, gi, go: (gi[0] * 2,))
    net.fc2.register_full_backward_pre_hook(lambda m, go: seen.append("pre"))
    x = torch.ones(4, 2, requires_grad=True)
    net(x).sum().backward()
    seen.append([round(p.grad.sum().item(), 4) for p in (x, *net.parameters())])
    net(torch.ones(4, 2)).sum().backward()
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


def containers(torch):
    nn = torch.nn
    s = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1))
    seen = [repr(s), len(s), repr(s[1]), repr(s[-1]), repr(s[:2]), [type(m).__name__ for m in s]]
    seen.append(complaint(lambda: s[3]))
    s[1] = nn.Tanh()
    s.append(nn.Sigmoid()).insert(0, nn.Identity())
    seen.append(repr(s))
    del s[1]
    seen += [repr(s), list(s._modules), repr(s.pop(0)), repr(s + nn.Sequential(nn.ReLU()))]
    seen += [repr(nn.Sequential(nn.ReLU()) * 2), complaint(lambda: s + 1)[:50]]
    seen.append(complaint(lambda: s * 0)[:40])
    s.extend([nn.GELU()])
    s += nn.Sequential(nn.ELU())
    seen.append(repr(s))
    named = nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Linear(1, 1)))
    seen += [repr(named), repr(named.a), repr(named[:1]), list(named.state_dict())]
    m = nn.ModuleList([nn.Linear(1, 1) for _ in range(3)] + [nn.ReLU()])
    seen += [repr(m), len(m), repr(m[-1]), repr(m[1:3]), repr(nn.ModuleList())]
    m.append(nn.Tanh())
    m.insert(1, nn.Sigmoid())
    m += [nn.GELU()]
    del m[0]
    seen += [repr(m), repr(m.pop(0)), repr(m + [nn.ELU()]), complaint(lambda: m[9])]
    seen.append(complaint(lambda: m.extend(3)))
    d = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Linear(1, 1)})
    d["c"] = nn.Tanh()
    d.update([("d", nn.ELU())])
    seen += [repr(d), list(d), list(d.keys()), len(d), "a" in d, repr(d.pop("a")), list(d)]
    seen += [[k for k, _ in d.items()], [type(v).__name__ for v in d.values()]]
    seen += [complaint(lambda: d["nothing"]), complaint(lambda: d.update(3))]
    d.clear()
    seen.append(repr(d))
    return seen


def parameter_containers(torch):
    nn = torch.nn
    p = nn.ParameterList([torch.zeros(2), nn.Parameter(torch.ones(3, 4)), 5])
    p.append(torch.zeros(1))
    seen = [repr(p), len(p), [n for n, _ in p.named_parameters()], type(p[0]).__name__]
    seen += [repr(p[:2]), complaint(lambda: p[7]), complaint(lambda: p(1)), p[2]]
    p[0] = torch.ones(7)
    p += [torch.zeros(2)]
    seen.append(list(p.state_dict()))
    d = nn.ParameterDict({"b": torch.zeros(2), "a": nn.Parameter(torch.zeros(3))})
    d["c"] = 3
    seen += [repr(d), list(d), len(d), "a" in d, d.get("x"), list(d.state_dict())]
    seen += [sorted((d | nn.ParameterDict({"z": torch.zeros(1)})).keys()), list(reversed(d))]
    seen += [d.popitem()[0], complaint(lambda: d[3])[:80], complaint(lambda: d(1))]
    d.update([("q", torch.zeros(1))])
    del d["a"]
    seen += [d.setdefault("n", 4), list(d), list(d.copy()), list(d.fromkeys(["u"], 1).items())]
    d.clear()
    return [*seen, len(d)]


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


PROGRAMS = [
    names_and_order, registration_errors, reassignment, loading, state_is_shared, overridden_state,
    state_hooks, call_hooks, every_module_hooks, backward_hooks, modes_and_moves, copies,
    containers, parameter_containers, tied_and_shared, submodules, attribute_protocol,
    parameters_print, lazy_layers, adaptive_softmax, subclasses, *sharing.PROGRAMS,
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
