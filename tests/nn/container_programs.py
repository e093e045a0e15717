"""Programs about containers of modules and parameters; see ``programs.py``."""

from __future__ import annotations

from collections import OrderedDict

from tests.nn.programs import complaint


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
    return [*seen, len(d), complaint(d.popitem)]


PROGRAMS = [containers, parameter_containers]
