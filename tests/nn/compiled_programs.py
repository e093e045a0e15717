"""Programs about ``torch.compile``, of modules and functions; see ``programs.py``."""

from __future__ import annotations

import copy
import io
import pickle

from tests.nn.programs import complaint, small


def a_compiled_module(torch):
    net = small(torch)
    net.note = 5
    compiled = torch.compile(net, backend="eager")
    seen = {
        "type": type(compiled).__name__,
        "is": [isinstance(compiled, torch.nn.Module), isinstance(compiled, type(net))],
        "wraps": isinstance(compiled, torch._dynamo.OptimizedModule) and compiled._orig_mod is net,
        "repr": repr(compiled),
        "state": list(compiled.state_dict()),
        "parameters": [name for name, _ in compiled.named_parameters()],
        "modules": [name for name, _ in compiled.named_modules()],
        "children": [name for name, _ in compiled.named_children()],
        "one and the same": next(compiled.parameters()) is net.fc1.weight,
        "submodule": compiled.get_submodule("fc1") is compiled.get_submodule("_orig_mod.fc1"),
        "read": [compiled.note, compiled.fc1 is net.fc1, compiled.forward is not None],
        "missing": complaint(lambda: compiled.nothing),
        "dir": {"fc1", "note", "_orig_mod", "forward"} <= set(dir(compiled)),
        "in a container": list(torch.nn.Sequential(compiled).state_dict())[:1],
    }
    compiled.note, compiled.more = 6, 7
    seen["written"] = [net.note, net.more, "more" in vars(compiled)]
    del compiled.more
    seen["deleted"] = hasattr(net, "more")
    compiled.fc2 = torch.nn.Linear(3, 2)
    seen["module written"] = [repr(net.fc2), list(compiled.state_dict())[-3:]]
    compiled.register_buffer("own", torch.ones(1))
    seen["own buffer"] = [list(compiled.state_dict())[:1], "own" in net.state_dict()]
    return seen


def a_compiled_modules_mode(torch):
    net = small(torch)
    compiled = torch.compile(net, backend="eager")
    seen = [compiled.training, compiled.eval() is compiled, net.training, net.fc1.training]
    net.train()
    seen.append(compiled.training)
    compiled.training = False
    return [*seen, net.training, compiled.to(torch.float64) is compiled, str(net.scale.dtype)]


def a_compiled_module_trained(torch):
    net = small(torch)
    compiled = torch.compile(net, backend="eager")
    optimizer = torch.optim.SGD(compiled.parameters(), lr=0.5)
    called = []
    for module in (net, compiled):
        module.register_forward_hook(lambda m, args, out: called.append(type(m).__name__))
    losses = []
    for _ in range(3):
        loss = compiled(torch.ones(4, 2)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(round(loss.item(), 5))
    return [losses, called, [round(x, 5) for x in net.fc1.weight.flatten().tolist()]]


def a_compiled_modules_state(torch):
    net = small(torch)
    compiled = torch.compile(net, backend="eager")
    return [
        str(compiled.load_state_dict(compiled.state_dict())),
        complaint(lambda: compiled.load_state_dict(net.state_dict())),
        complaint(lambda: net.load_state_dict(compiled.state_dict())),
        list(copy.deepcopy(compiled).state_dict()),
        copy.deepcopy(compiled)._orig_mod is net,
    ]


def a_compiled_container(torch):
    pair = torch.compile(torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Tanh()), backend="eager")
    again = pickle.loads(pickle.dumps(pair))
    file = io.BytesIO()
    torch.save(pair.eval(), file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    return [
        repr(loaded), loaded.training,
        len(pair), complaint(lambda: pair[0]), complaint(lambda: list(pair)), repr(again),
        complaint(lambda: len(torch.compile(torch.nn.ReLU(), backend="eager"))),
    ]  # fmt: skip


def a_compiled_function(torch):
    def double(x, times=2):
        "As it says."
        return x * times

    compiled = torch.compile(double, backend="eager")

    @torch.compile(backend="eager", fullgraph=True, dynamic=False)
    def triple(x):
        return x * 3

    class Layer(torch.nn.Module):
        @torch.compile(backend="eager")
        def forward(self, x):
            return x + 1

    one = torch.ones(1)
    return [
        compiled is double, compiled.__name__, compiled.__doc__, compiled.__wrapped__ is double,
        compiled._torchdynamo_orig_callable is double, type(compiled).__name__,
        compiled(one, times=4).item(), triple(one).item(), Layer()(one).item(),
        torch.compile(double, disable=True) is double,
        torch.compile(Layer, backend="eager") is Layer,
        type(torch.compile(backend="eager")(Layer())).__name__,
        torch._dynamo.optimize("eager")(double)(one).item(),
        torch.compiler.disable(Layer()).__class__.__name__,
    ]  # fmt: skip


def compile_complains(torch):
    def f(x):
        return x

    compile = torch.compile
    seen = [
        complaint(lambda: compile(f, mode="nope")),
        complaint(lambda: compile(f, mode="default", options={"max_autotune": True})),
        complaint(lambda: compile(f, options={"max_autotune": "x"})),
        complaint(lambda: compile(f, options={"max-autotune": True, "triton.cudagraphs": True})),
        complaint(lambda: compile(f, backend="nope")),
        complaint(lambda: compile(f, nope=1)),
        complaint(lambda: compile(f, True)),
        complaint(lambda: compile(3, backend="eager")),
        complaint(lambda: compile(f, dynamic="x", backend="eager")).partition(":")[0],
        [compile(f, mode=mode)(3) for mode in ("reduce-overhead", "max-autotune", "default")],
        issubclass(torch._dynamo.exc.InvalidBackend, torch._dynamo.exc.TorchDynamoException),
        torch._dynamo.list_backends(),
    ]
    config = torch._dynamo.config
    with config.patch(suppress_errors=True):
        seen.append(config.suppress_errors)
    config.cache_size_limit = 64
    seen += [config.suppress_errors, config.cache_size_limit, complaint(lambda: config.nope)]
    config.cache_size_limit = 8
    return [*seen, complaint(lambda: setattr(config, "nope", 1)).partition(":")[0]]


def compiled_in_place(torch):
    net = small(torch)
    seen = [
        net._compiled_call_impl,
        net.compile(backend="eager"),
        callable(net._compiled_call_impl),
    ]
    seen += [list(net.state_dict()), type(net).__name__, list(net(torch.ones(4, 2)).shape)]
    seen += [copy.deepcopy(net)._compiled_call_impl, complaint(lambda: net.compile(mode="nope"))]
    net._compiled_call_impl = lambda x: "of the program's own"
    seen.append(net(3))
    net._compiled_call_impl = None
    return [*seen, list(net(torch.ones(4, 2)).shape)]


PROGRAMS = [
    a_compiled_module, a_compiled_modules_mode, a_compiled_module_trained,
    a_compiled_modules_state, a_compiled_container, a_compiled_function, compile_complains,
    compiled_in_place,
]  # fmt: skip
