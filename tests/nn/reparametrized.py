"""Small programs about ``nn.utils``: parametrizations, norms, pruning (as ``programs.py``)."""

from __future__ import annotations

import copy
import importlib
import pickle

from tests.nn.programs import complaint


def values(*tensors):
    return [t.detach().tolist() for t in tensors]


def trained(torch, net, *shape, lr=0.05, steps=2):
    """Losses and state after a few steps."""
    x = torch.randn(*shape)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (net(x) ** 2).sum()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    state = net.state_dict()
    names = [name for name, _ in net.named_parameters()]
    return [losses, names, list(state), values(*state.values()), repr(net)]


LAYERS = {
    "Linear": ((3, 4), (2, 3)),
    "Conv1d": ((2, 3, 2), (2, 2, 4)),
    "ConvTranspose1d": ((2, 3, 2), (2, 2, 4)),
}


def weight_norms(torch):
    utils, seen = torch.nn.utils, []
    for name, dim in (("Linear", 0), ("Linear", None), ("Conv1d", 1)):
        args, shape = LAYERS[name]
        for norm in (utils.parametrizations.weight_norm, utils.weight_norm):
            torch.manual_seed(0)
            net = norm(getattr(torch.nn, name)(*args), dim=dim)
            seen.append(trained(torch, net, *shape))
            if norm is utils.weight_norm:
                older = net.state_dict()
                seen.append(complaint(lambda net=net: utils.weight_norm(net)))
                utils.remove_weight_norm(net)
            else:
                utils.parametrize.remove_parametrizations(net, "weight")
            seen += [repr(net), list(net.state_dict()), values(net.weight)]
    newer = utils.parametrizations.weight_norm(torch.nn.Conv1d(2, 3, 2), dim=1)
    seen += [str(newer.load_state_dict(older)), values(newer.weight)]
    seen.append(complaint(lambda: utils.remove_weight_norm(torch.nn.Linear(2, 2))))
    return seen


def spectral_norms(torch):
    utils, seen = torch.nn.utils, []
    for name, iterations in (("Linear", 1), ("ConvTranspose1d", 2)):
        args, shape = LAYERS[name]
        for norm in (utils.parametrizations.spectral_norm, utils.spectral_norm):
            torch.manual_seed(0)
            net = norm(getattr(torch.nn, name)(*args), n_power_iterations=iterations)
            seen.append(trained(torch, net, *shape))
            state = net.eval().state_dict()
            seen.append({k: dict(v) for k, v in state._metadata.items()})
            twin = norm(getattr(torch.nn, name)(*args), n_power_iterations=iterations).eval()
            twin.load_state_dict(state)
            x = torch.ones(shape)
            seen.append(values(net(x), twin(x)))
            if norm is utils.spectral_norm:
                if name == "Linear":  # the other's has too few rows to tell v from them
                    state.pop("weight_v")
                    state["weight"] = state["weight_orig"] / 2
                    del state._metadata
                    seen += [str(twin.load_state_dict(state)), values(twin.weight_v)]
                utils.remove_spectral_norm(net)
            else:
                utils.parametrize.remove_parametrizations(net, "weight")
            seen += [repr(net), list(net.state_dict()), values(net.weight)]
    linear = torch.nn.Linear(2, 2)
    new = utils.parametrizations.spectral_norm
    seen += [
        complaint(lambda: new(linear, n_power_iterations=0)),
        complaint(lambda: new(linear, dim=4)),
        complaint(lambda: new(linear, "nothing")),
        complaint(lambda: utils.remove_spectral_norm(linear)),
    ]
    return seen


def orthogonal(torch):
    make, seen = torch.nn.utils.parametrizations.orthogonal, []
    cases = [("matrix_exp", (3, 3), False), ("cayley", (3, 4), False), ("matrix_exp", (4, 3), True),
             (None, (3, 4), True), (None, (4, 3), False)]  # fmt: skip
    for kind, sizes, trivialized in cases:
        torch.manual_seed(1)
        net = make(torch.nn.Linear(*sizes), orthogonal_map=kind, use_trivialization=trivialized)
        seen.append(trained(torch, net, 2, sizes[0], lr=0.02))
        w = net.weight if sizes[0] >= sizes[1] else net.weight.T
        off = w @ w.T - torch.eye(w.shape[0])
        seen.append(bool(off.abs().max() < 1e-5))
    target = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
    net = make(torch.nn.Linear(2, 2))
    net.weight = target
    seen += [
        values(net.weight),
        complaint(lambda: setattr(net, "weight", torch.ones(3, 3))),
        complaint(lambda: make(torch.nn.Linear(2, 3), "bias")),
        complaint(lambda: make(torch.nn.Linear(2, 3), orthogonal_map="other")),
    ]
    return seen


def symmetric_exponential_and_product(torch):
    class Symmetric(torch.nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).transpose(-1, -2)

        def right_inverse(self, x):
            return x.triu()

    class Scaled(torch.nn.Module):
        def forward(self, x):
            return x * 3

    class Product(torch.nn.Module):
        def forward(self, a, b):
            return a @ b

        def right_inverse(self, x):
            return x[:, :1].clone(), x[:1].clone()

    return Symmetric, Scaled, Product


def parametrized(torch):
    Symmetric, Scaled, Product = symmetric_exponential_and_product(torch)
    p, seen = torch.nn.utils.parametrize, []
    torch.manual_seed(0)
    net = torch.nn.Linear(3, 3)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    p.register_parametrization(net, "weight", Symmetric())
    original = net.parametrizations.weight.original
    (net(torch.ones(1, 3)) ** 2).sum().backward()
    optimizer.step()
    seen += [values(net.weight), original is net.parametrizations.weight.original]
    net.weight = torch.eye(3) * 2
    seen += [values(net.weight, original), original is net.parametrizations.weight.original]
    p.register_parametrization(net, "weight", Scaled())
    with p.cached():
        seen.append(net.weight is net.weight)
    seen.append(net.weight is net.weight)
    twin = copy.deepcopy(net)
    seen += [
        values(twin.weight), twin.parametrizations.weight.original is original, repr(net),
        list(net.state_dict()), type(net).__name__, p.type_before_parametrizations(net).__name__,
        p.is_parametrized(net), p.is_parametrized(net, "weight"), p.is_parametrized(net, "bias"),
        complaint(lambda: setattr(net, "weight", torch.eye(3))),
        complaint(lambda: pickle.dumps(net)),
    ]  # fmt: skip
    other = p.transfer_parametrizations_and_params(net, torch.nn.Linear(3, 3))
    seen += [repr(other), values(other.weight)]
    p.remove_parametrizations(net, "weight", leave_parametrized=False)
    seen += [repr(net), values(net.weight), type(net) is torch.nn.Linear, net.weight is original]

    net = torch.nn.Linear(3, 3)
    p.register_parametrization(net, "weight", Product())
    seen += [[n for n, _ in net.named_parameters()], values(net.weight)]
    net.weight = torch.ones(3, 3)
    p.register_parametrization(net, "bias", torch.nn.Identity())
    seen += [
        values(net.weight), repr(net),
        complaint(lambda: p.remove_parametrizations(net, "weight", leave_parametrized=False)),
    ]  # fmt: skip
    p.remove_parametrizations(net, "weight")
    seen += [repr(net), values(net.weight), isinstance(net.weight, torch.nn.Parameter)]

    norm = torch.nn.BatchNorm1d(2)
    p.register_parametrization(norm, "running_mean", Scaled())
    seen += [list(norm.state_dict()), values(norm.running_mean), repr(norm)]
    return seen


def parametrization_errors(torch):
    p, nn = torch.nn.utils.parametrize, torch.nn

    class Nothing(nn.Module):
        def forward(self, x):
            return None

    class Half(nn.Module):
        def forward(self, x):
            return x.double()

    def twice(second):
        net = p.register_parametrization(nn.Linear(2, 3), "weight", nn.Identity())
        return p.register_parametrization(net, "weight", second)

    first = lambda m: p.register_parametrization(nn.Linear(2, 3), "weight", m)  # noqa: E731
    return [
        complaint(lambda: p.register_parametrization(nn.Linear(2, 3), "w", nn.Identity())),
        *(complaint(lambda m=m: first(m)) for m in (nn.Linear(2, 5), Nothing(), Half())),
        *(complaint(lambda m=m: twice(m)) for m in (nn.Linear(2, 5), Nothing(), Half())),
        complaint(lambda: p.remove_parametrizations(nn.Linear(2, 3), "weight")),
        complaint(lambda: p.ParametrizationList([], nn.Linear(2, 2).weight)),
    ]


def pruning(torch):
    p, seen = importlib.import_module(f"{torch.__name__}.nn.utils.prune"), []
    cases = [
        lambda a, b: p.l1_unstructured(a, "weight", 0.4),
        lambda a, b: p.random_unstructured(a, "weight", 3),
        lambda a, b: p.random_structured(a, "weight", 2, 1),
        lambda a, b: p.ln_structured(a, "weight", 0.5, 2, 0),
        lambda a, b: p.identity(a, "bias"),
        lambda a, b: (p.l1_unstructured(a, "weight", 0.3),
                      p.ln_structured(a, "weight", 1, float("inf"), -1),
                      p.random_unstructured(a, "weight", 0.5)),
        lambda a, b: p.global_unstructured(
            [(a, "weight"), (b, "weight"), (b, "bias")], p.L1Unstructured, amount=0.6),
        lambda a, b: p.global_unstructured(
            [(a, "weight"), (b, "weight")], p.RandomUnstructured, amount=5),
        lambda a, b: (p.l1_unstructured(a, "weight", 0.4), p.remove(a, "weight")),
        lambda a, b: p.custom_from_mask(b, "bias", torch.tensor([0.0, 1.0, 1.0])),
        lambda a, b: p.l1_unstructured(
            a, "weight", 2, importance_scores=torch.arange(20.0).view(5, 4)),
    ]  # fmt: skip
    for prune in cases:
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Linear(5, 3))
        prune(*net)
        (net(torch.randn(2, 4)) ** 2).sum().backward()
        grads = values(*(q.grad for q in net.parameters()))
        seen.append([list(net.state_dict()), values(*net.state_dict().values()), grads])
        seen.append(p.is_pruned(net))
    linear, t = torch.nn.Linear(2, 2), torch.tensor([3.0, -1.0, 2.0])
    seen += [
        values(p.L1Unstructured(1).prune(t)),
        complaint(lambda: copy.deepcopy(net)),
        complaint(lambda: p.l1_unstructured(linear, "weight", 1.5)),
        complaint(lambda: p.l1_unstructured(linear, "weight", 7)),
        complaint(lambda: p.l1_unstructured(linear, "weight", "a")),
        complaint(lambda: p.ln_structured(linear, "bias", 1, 2, 0)),
        complaint(lambda: p.ln_structured(linear, "weight", 1, 2, 5)),
        complaint(lambda: p.remove(linear, "weight")),
        complaint(lambda: p.global_unstructured(3, None)),
        complaint(lambda: p.custom_from_mask(linear, "weight", torch.ones(3))),
        list(linear.state_dict()),
    ]
    return seen


def fusion_and_clipping(torch):
    nn, utils, seen = torch.nn, torch.nn.utils, []
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(3).eval()
    norm.running_mean += 0.5
    norm.running_var *= 2
    norm.weight.data *= 3
    for name, transposed in (("Conv1d", False), ("ConvTranspose1d", True)):
        layer = getattr(nn, name)(2, 3, 2, bias=transposed).eval()
        fused, x = utils.fuse_conv_bn_eval(layer, norm, transposed), torch.randn(2, 2, 4)
        seen += [values(fused.weight, fused.bias, fused(x)), values(norm(layer(x)))]
    linear = nn.Linear(3, 3).eval()
    seen.append(values(utils.fuse_linear_bn_eval(linear, norm)(torch.ones(2, 3))))
    seen.append(complaint(lambda: utils.fuse_conv_bn_eval(layer.train(), norm)))
    linear(torch.ones(1, 3)).sum().backward()
    total = utils.get_total_norm([p.grad for p in linear.parameters()])
    utils.clip_grads_with_norm_(linear.parameters(), 1.0, total)
    seen.append(values(total, linear.weight.grad))
    before = torch.get_rng_state().tolist()
    skipped = utils.skip_init(nn.Linear, 3, 2)
    seen += [tuple(skipped.weight.shape), torch.get_rng_state().tolist() == before]
    seen += [complaint(lambda: utils.skip_init(nn.ReLU)), complaint(lambda: utils.skip_init(int))]
    same = utils.convert_conv2d_weight_memory_format(nn.Conv2d(1, 1, 1), torch.channels_last)
    seen.append(type(same).__name__)
    x = torch.ones(1, 3)
    given = {"weight": torch.ones(3, 3), "bias": torch.zeros(3)}
    seen.append(values(utils.stateless.functional_call(linear, given, (x,))))
    return seen


PROGRAMS = [
    weight_norms, spectral_norms, orthogonal, parametrized, parametrization_errors, pruning,
    fusion_and_clipping,
]  # fmt: skip
