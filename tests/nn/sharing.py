"""A Parameter and what it was made of are one memory, whoever writes (see ``programs.py``)."""

import copy


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


PROGRAMS = [parameters_share, a_sampler_shares_its_layer_s_parameter]
