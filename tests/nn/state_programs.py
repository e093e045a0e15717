"""Programs about ``state_dict`` and ``load_state_dict``; see ``programs.py``."""

from __future__ import annotations

import importlib
from collections import OrderedDict

from tests.nn.programs import complaint, small


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


def functional_calls(torch):
    """With tied weights, a buffer that forward assigns anew, and names that do not fit."""
    nn, call = torch.nn, torch.func.functional_call

    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
            nn.init.constant_(self.a.weight, 5.0)
            self.b.weight = self.a.weight
            self.register_buffer("n", torch.zeros(1))

        def forward(self, x):
            self.n += 1
            self.n = self.n + 1
            return torch.stack([(self.a.weight * x).sum(), (self.b.weight * x).sum()])

    def full(value):
        return torch.full((1, 1), value)

    net, x, seen = Tied(), torch.ones(1, 1), []
    weight, two, three, n = net.a.weight, full(2.0), full(3.0), torch.ones(1) * 10
    both = {"a.weight": two, "b.weight": three}
    for given in ({"a.weight": two}, {"b.weight": three}, both, {"a.weight": two, "b.weight": two}):
        for tie in (True, False):
            seen.append(complaint(lambda g=given, t=tie: call(net, g, (x,), tie_weights=t)))
            if "nothing" in seen[-1]:
                seen[-1] = call(net, given, (x,), tie_weights=tie).tolist()
    net.n.zero_()
    call(net, {"n": n}, (x,))
    seen.append([n.item(), net.n.item(), net.a.weight is weight, net.b.weight is weight])
    leaf = full(2.0).requires_grad_()
    call(net, {"a.weight": leaf}, (x,), tie_weights=False).sum().backward()
    seen.append([leaf.grad.item(), weight.grad.item(), list(net.state_dict())])
    for given, strict in (
        ({"other": two}, False), ({"other": two}, True), ({"a.weight": two}, True),
        ({"a.other.weight": two}, False), ({"a": two}, False), ({"a.weight": 3}, False),
        ([{"n": n}, {"n": n}], False), (3, False),
    ):  # fmt: skip
        seen.append(complaint(lambda g=given, s=strict: call(net, g, (x,), strict=s)))
    return [*seen, hasattr(net, "other")]


def checkpoint_wrappers(torch):
    """Names, state dicts and gradients of modules that compute again what they need."""
    path = f"{torch.__name__}.distributed.algorithms._checkpoint.checkpoint_wrapper"
    wrapping = importlib.import_module(path)
    net, seen = small(torch), []
    plain = {k: v.clone() for k, v in net.state_dict().items()}
    x, before = torch.ones(2, 2), small(torch)
    wrapping.apply_activation_checkpointing(net, check_fn=lambda m: isinstance(m, torch.nn.Linear))
    seen += [repr(net), list(net.state_dict()), str(net.load_state_dict(plain))]
    seen += [[n for n, _ in net.fc1.named_parameters()], net.fc1.in_features]
    net(x).sum().backward()
    before(x).sum().backward()
    pairs = zip(net.parameters(), before.parameters(), strict=True)
    seen.append([torch.equal(a.grad, b.grad) for a, b in pairs])
    calls = []

    def through(function, *args, **kwargs):
        calls.append(sorted(kwargs))
        return function(*args)

    deep = torch.nn.Sequential(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()))
    one = wrapping.checkpoint_wrapper(deep, checkpoint_fn=through, tag=1)
    one(x)
    seen += [calls, repr(one[0]), list(one.state_dict()), complaint(lambda: one.nothing)]

    def policy(module, recurse, nonwrapped_numel):
        calls.append([type(module).__name__, recurse, nonwrapped_numel])
        return recurse or nonwrapped_numel > 5

    wrapping.apply_activation_checkpointing(deep, auto_wrap_policy=policy)
    reentrant = wrapping.checkpoint_wrapper(
        torch.nn.Bilinear(1, 1, 1), checkpoint_impl=wrapping.CheckpointImpl.REENTRANT
    )
    left, right = (torch.ones(1, requires_grad=True) for _ in "ab")
    reentrant(left, input2=right).sum().backward()
    return [*seen, calls, repr(deep), torch.equal(left.grad, right.grad)]


PROGRAMS = [
    loading, state_is_shared, overridden_state, state_hooks, functional_calls, checkpoint_wrappers,
]  # fmt: skip
