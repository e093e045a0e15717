"""A Parameter and what it was made of are one memory, whoever writes (see ``programs.py``)."""

import copy
import pickle


def parameters_share(torch):
    """Writes of an optimizer, of a view and of the source; a Parameter made of a Parameter."""
    nn, seen = torch.nn, []

    def note(*tensors):
        seen.append([[round(x, 4) for x in t.detach().tolist()] for t in tensors])

    source = torch.ones(3)
    tail, detached = source[1:], source.detach()
    parameter = nn.Parameter(source)
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        ((parameter * torch.arange(3.0)) ** 2).sum().backward()
        optimizer.step()
    note(source, tail, detached, parameter)
    tail.zero_()
    with torch.no_grad():
        parameter[0] = 7.0
    source += 1
    note(source, tail, detached, parameter)
    seen.append([source.requires_grad, source.is_leaf, parameter.is_leaf])

    first = nn.Parameter(torch.ones(2))
    second = nn.Parameter(first)
    third = nn.Parameter(second.data)
    (third * 2).sum().backward()
    seen.append([first.grad is None, second.grad is None, third.grad.tolist()])
    torch.optim.SGD([third], lr=1.0).step()
    note(first, second, third)
    (first * 3).sum().backward()
    torch.optim.Adam([first], lr=1.0).step()
    note(first, second, third)

    twin = copy.deepcopy(third)
    with torch.no_grad():
        twin.fill_(9.0)
    first.data = torch.zeros(2)
    note(first, second, third, twin)
    return seen


def a_sampler_shares_its_layer_s_parameter(torch):
    """The layer shows what an optimizer made of the sampler's; loading goes through to both."""

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.mu = torch.nn.Parameter(torch.zeros(2))
            self.sampler = torch.nn.Module()
            self.sampler.mu = torch.nn.Parameter(self.mu)

        def forward(self):
            return (self.sampler.mu - torch.tensor([1.0, 2.0])).pow(2).sum()

    layer = Layer()
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        layer().backward()
        optimizer.step()
    trained = [[round(x, 4) for x in v.tolist()] for v in layer.state_dict().values()]
    layer.load_state_dict({"mu": torch.ones(2), "sampler.mu": torch.zeros(2)})
    return [trained, [name for name, _ in layer.named_parameters()], layer.mu.tolist()]


def parts_of_one_vector(torch):
    """Parameters and gradients that lie in one vector: a write on either side shows on both."""
    nn, seen = torch.nn, []

    def note(*tensors):
        seen.append([[round(x, 4) for x in t.detach().reshape(-1).tolist()] for t in tensors])

    net = nn.Linear(2, 2)
    vector = torch.arange(6.0)
    nn.utils.vector_to_parameters(vector, net.parameters())
    vector += 1
    note(*net.parameters())
    gradients = torch.zeros(6)
    for p, start in zip(net.parameters(), (0, 4), strict=True):
        p.grad = gradients[start : start + p.numel()].view_as(p)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for _ in range(3):
        gradients.zero_()
        net(torch.ones(3, 2)).pow(2).sum().backward()
        note(gradients)
        optimizer.step()
    note(vector, *net.parameters())
    vector.sub_(gradients)
    note(*net.parameters())
    weight, bias = net.parameters()
    seen.append([bias.data_ptr() - weight.data_ptr(), bias.storage_offset(), bias.is_leaf])
    seen.append([weight.requires_grad, isinstance(weight, nn.Parameter)])
    del vector
    held = weight.detach()
    optimizer.step()
    note(held, weight, bias)
    with torch.no_grad():
        weight.zero_()
    del held
    optimizer.step()
    note(weight, bias)
    turned = nn.Parameter(torch.arange(4.0).view(2, 2).t())
    (turned[0] * 2).sum().backward()
    torch.optim.SGD([turned], lr=1.0).step()
    note(turned)
    alone = nn.Parameter(torch.arange(4.0)[1:3])
    (alone * 2).sum().backward()
    torch.optim.Adam([alone], lr=1.0).step()
    note(alone, alone.grad)
    return seen


def data_is_taken_over(torch):
    """``x.data = y`` is y's memory; what x was a view of, or showed before, stays."""
    x, y = torch.zeros(3), torch.ones(3)
    before = x.data
    x.data = y
    y.add_(1)
    x[0] = 5
    before.sub_(1)
    base = torch.zeros(3)
    part = base[:2]
    part.data = torch.ones(2)
    leaf = torch.ones(2, requires_grad=True)
    made = leaf * 2
    made.data = torch.full((2,), 5.0)
    (made * made).sum().backward()
    first, second = (torch.nn.Parameter(torch.full((2,), v)) for v in (1.0, 2.0))
    first.data = second.data
    with torch.no_grad():
        second += 3
    (first.sum() * 2 + second.sum()).backward()
    values = (x, y, before, base, part, leaf.grad, first, first.grad, second.grad)
    first.data = first
    return [v.tolist() for v in values], x.data_ptr() == y.data_ptr(), first.tolist()


def loading_takes_the_very_tensors(torch):
    """``load_state_dict(assign=True)`` with plain tensors, one a part of another."""
    net = torch.nn.Linear(2, 2)
    state = {"weight": torch.ones(2, 2), "bias": torch.arange(4.0)[1:3]}
    net.load_state_dict(state, assign=True)
    for v in state.values():
        v.add_(1)
    seen = [p.tolist() for p in net.parameters()]
    net(torch.ones(1, 2)).sum().backward()
    torch.optim.SGD(net.parameters(), lr=0.5).step()
    return seen, [v.tolist() for v in state.values()], [v.requires_grad for v in state.values()]


def copies_share_what_is_registered(torch):
    nn, seen = torch.nn, []
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    twin = copy.copy(net)
    twin.add_module("last", nn.Tanh())
    net.register_buffer("kept", torch.ones(1), persistent=False)
    net.training, twin.note = False, 1
    net.register_forward_hook(lambda *args: seen.append("hook"))
    twin(torch.ones(1, 2))
    seen += [repr(net) == repr(twin), list(twin._buffers), twin.training, hasattr(net, "note")]
    del twin.last
    seen += [list(net._modules), list(twin._modules), list(net.state_dict())]
    net._buffers = {}
    net.register_buffer("own", torch.zeros(1))
    seen += [list(twin._buffers), list(net._buffers)]
    layer = nn.Linear(1, 1)
    other = copy.copy(copy.copy(layer))
    other.weight = nn.Parameter(torch.zeros(1, 1))
    seen += [layer.weight.item(), layer.weight is other.weight]
    seen.append(pickle.loads(pickle.dumps(other)).weight.item())
    return seen


PROGRAMS = [
    parameters_share, a_sampler_shares_its_layer_s_parameter, parts_of_one_vector,
    data_is_taken_over, loading_takes_the_very_tensors, copies_share_what_is_registered,
]  # fmt: skip
