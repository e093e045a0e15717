"""The graph is built anew by each run, so Python's own branches and loops shape it."""

import jaxtorch as torch


def print_graph(node, depth=0):
    if node is not None:
        print("  " * depth + node.name())
        for parent, _ in node.next_functions:
            print_graph(parent, depth + 1)


x = torch.tensor(3.5, requires_grad=True)
print_graph(((x - 1) * (x - 2) * (x - 3)).grad_fn)
print_graph((2 * x**2 + 3).grad_fn)
print_graph((x.exp().log().sqrt() / 2).grad_fn)


def grow(x):
    steps = 0
    while x < 100:
        x = x * 2 if steps % 2 == 0 else x + 1
        steps += 1
    return x, steps


for start in (1.0, 30.0, 200.0):
    x = torch.tensor(start, requires_grad=True)
    y, steps = grow(x)
    print(steps, y)
    y.backward()
    print(x.grad)
    print_graph(y.grad_fn)

w = torch.ones(2, 3, requires_grad=True)
print_graph(torch.relu(w @ torch.ones(3, 2)).sum().grad_fn)
