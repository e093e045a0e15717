"""Programs about a module's hooks; see ``programs.py``."""

from __future__ import annotations

import copy
import gc
import pickle
import warnings
import weakref
from collections import namedtuple

from tests.nn.programs import complaint, small

Pair = namedtuple("Pair", "first second")


def add_one(module, args, out):
    return out + 1


def double(module, args):
    return (args[0] * 2,)


def note_keys(module, state, prefix, *rest):
    module.seen = sorted(state)


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


def kinds_of_backward_hooks(torch):
    """The older hooks and the full ones do not mix; global ones are seen under torch's names."""
    full, old = torch.nn.ReLU(), torch.nn.ReLU()
    full.register_full_backward_hook(lambda *a: None)
    old.register_backward_hook(lambda *a: None)
    module = torch.nn.modules.module
    handle = module.register_module_forward_hook(lambda *a: None)
    seen = [len(module._global_forward_hooks), bool(module._has_any_global_hook())]
    handle.remove()
    return [
        *seen, len(module._global_forward_hooks), full._is_full_backward_hook,
        old._is_full_backward_hook, torch.nn.ReLU()._is_full_backward_hook,
        complaint(lambda: full.register_backward_hook(lambda *a: None)),
        complaint(lambda: old.register_full_backward_hook(lambda *a: None)),
    ]  # fmt: skip


def _numbers(grads):
    return [None if g is None else g.flatten().tolist() for g in grads]


def gradients_that_are_missing(torch):
    """None where an output was not used, before the hooks; zeros beyond."""

    class Both(torch.nn.Module):
        def forward(self, a, b):
            return Pair(a * 2, b * 3)

    class First(torch.nn.Module):
        def forward(self, a, b):
            return a * 2

    class Named(torch.nn.Module):
        def forward(self, a, b):
            return {"a": a * 2}

    seen = []
    for cls in (Both, First, Named):
        for both in (False, True):
            m = cls()
            m.register_full_backward_hook(lambda m, *g: seen.append([_numbers(x) for x in g]))
            if both:
                m.register_full_backward_pre_hook(lambda m, g: seen.append(_numbers(g)))
            a, b = (torch.ones(2, requires_grad=True) for _ in "ab")
            out = m(a, b)
            seen.append(type(out).__name__)
            first = out if cls is First else out["a"] if cls is Named else out.first
            first.sum().backward()
            seen.append(_numbers((a.grad, b.grad)))
    return seen


def hooks_by_the_older_name(torch):
    """They see the last function of forward, and where that is not all of it are warned about."""
    seen = []

    def note(name):
        def hook(module, grad_input, grad_output):
            seen.append([name, *([None if g is None else g.tolist() for g in grads]
                                 for grads in (grad_input, grad_output))])  # fmt: skip

        return hook

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.act = torch.nn.ReLU()

        def forward(self, x):
            return {"out": self.act(x * 2) * 3}

    net = Net()
    handle = net.register_backward_hook(note("net"))
    net.act.register_backward_hook(note("act"))
    net.act.register_backward_hook(lambda m, gi, go: (gi[0] * 10,))
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net(x)["out"].sum().backward()
    seen += [x.grad.tolist(), [w.category.__name__ for w in caught]]
    handle.remove()
    everywhere = torch.nn.modules.module.register_module_backward_hook(note("any"))
    net.act(x * 1).sum().backward()
    everywhere.remove()
    net(x.detach())
    return seen


def what_backward_hooks_return(torch):
    seen = []

    def run(hook=None, pre=None, needs=True, cls=torch.nn.ReLU):
        m, x = cls(), torch.ones(2, requires_grad=needs)
        w = torch.ones(2, requires_grad=True)
        m.forward = lambda x: x * 3 * w
        if hook:
            m.register_full_backward_hook(hook)
        if pre:
            m.register_full_backward_pre_hook(pre)
        m(x).sum().backward()
        return _numbers((x.grad, w.grad))

    seen.append(run(lambda m, gi, go: (gi[0] * 2,)))
    seen.append(run(lambda m, gi, go: (None,)))
    seen.append(run(pre=lambda m, go: (go[0] * 5,)))
    seen.append(run(lambda m, gi, go: (None,), needs=False))
    seen.append(complaint(lambda: run(lambda m, gi, go: (go[0],), needs=False)))
    seen.append(complaint(lambda: run(lambda m, gi, go: (1, 2))))
    seen.append(complaint(lambda: run(pre=lambda m, go: (go[0], 1))))
    return seen


def copied_hooks(torch):
    """Hooks go with a copy, and those that get the module get the copy."""
    m, x = torch.nn.Linear(2, 2, bias=False), torch.ones(1, 2)
    torch.nn.init.ones_(m.weight)
    m.register_forward_hook(add_one)
    m.register_forward_pre_hook(double)
    handle = m.register_load_state_dict_pre_hook(note_keys)
    wrapped = next(iter(m._load_state_dict_pre_hooks.values()))
    seen = [wrapped.with_module, wrapped.__name__, wrapped.hook is note_keys]
    for twin in (copy.deepcopy(m), pickle.loads(pickle.dumps(m))):
        twin.load_state_dict(m.state_dict())
        seen.append([twin(x).tolist(), twin.seen, hasattr(m, "seen"), len(twin._forward_hooks)])
        twin.register_forward_hook(add_one)
    handle.remove()
    seen.append([len(m._forward_hooks), len(m._load_state_dict_pre_hooks)])
    m.register_load_state_dict_pre_hook(note_keys)
    alone = weakref.ref(m)
    gc.disable()
    del m
    gc.enable()
    return [*seen, alone() is None]


PROGRAMS = [
    call_hooks, every_module_hooks, backward_hooks, kinds_of_backward_hooks,
    gradients_that_are_missing, hooks_by_the_older_name, what_backward_hooks_return, copied_hooks,
]  # fmt: skip
