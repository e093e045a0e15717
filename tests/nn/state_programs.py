"""Programs about ``state_dict`` and ``load_state_dict``; see ``programs.py``."""

from __future__ import annotations

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


PROGRAMS = [loading, state_is_shared, overridden_state, state_hooks]
