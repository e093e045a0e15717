"""Programs about saved tensors and the graph's functions, run by torch and by jaxtorch: what they
return must agree.

Each takes the library and returns plain values. ``OPS`` are calls under hooks: what is packed, and
the gradients when unpacking gives half of it.
"""

from __future__ import annotations

import importlib
import os
import tempfile

import numpy as np

SQUARE = (3, 4)

# name -> (function of the library and tensors, shapes, which of them need no gradient)
OPS = {
    "mul": (lambda t, x, y: x * y, (SQUARE, SQUARE), ()),
    "mul by a constant": (lambda t, x, y: x * y, (SQUARE, SQUARE), (1,)),
    "mul, broadcast": (lambda t, x, y: x * y, (SQUARE, (4,)), ()),
    "mul by a number": (lambda t, x: x * 2.0, (SQUARE,), ()),
    "div": (lambda t, x, y: x / y, (SQUARE, SQUARE), ()),
    "add": (lambda t, x, y: x + y, (SQUARE, SQUARE), ()),
    "number over tensor": (lambda t, x: 2 / x, (SQUARE,), ()),
    "pow": (lambda t, x: x**3, (SQUARE,), ()),
    "pow of tensors": (lambda t, x, y: x**y, (SQUARE, SQUARE), ()),
    **{
        name: (lambda t, x, name=name: getattr(t, name)(x), (SQUARE,), ())
        for name in (
            "exp relu sqrt rsqrt reciprocal sigmoid tanh tan exp2 expm1 log sin abs var std "
            "norm mean max"
        ).split()
    },
    **{
        name: (lambda t, x, name=name: getattr(t.nn.functional, name)(x), (SQUARE,), ())
        for name in "gelu silu elu leaky_relu softplus hardtanh".split()
    },
    "softmax": (lambda t, x: x.softmax(1) * t.arange(4.0), (SQUARE,), ()),
    "log_softmax": (lambda t, x: x.log_softmax(1) * t.arange(4.0), (SQUARE,), ()),
    "logsumexp": (lambda t, x: x.logsumexp(1), (SQUARE,), ()),
    "linear": (lambda t, x, w, b: t.nn.functional.linear(x, w, b), (SQUARE, (5, 4), (5,)), ()),
    "linear of data": (lambda t, x, w, b: t.nn.functional.linear(x, w, b),
                       (SQUARE, (5, 4), (5,)), (0,)),
    "linear without bias": (lambda t, x, w: t.nn.functional.linear(x, w), (SQUARE, (5, 4)), ()),
    "linear of three dims": (lambda t, x, w, b: t.nn.functional.linear(x, w, b),
                             ((2, 3, 4), (5, 4), (5,)), ()),
    "mm": (lambda t, x, y: x @ y, (SQUARE, (4, 2)), ()),
    "bmm": (lambda t, x, y: t.bmm(x, y), ((2, 3, 4), (2, 4, 2)), ()),
    "addmm": (lambda t, b, x, y: t.addmm(b, x, y), ((2,), SQUARE, (4, 2)), ()),
    "sum": (lambda t, x: x.sum(1), (SQUARE,), ()),
    "max along": (lambda t, x: x.max(1)[0], (SQUARE,), ()),
    "minimum": (lambda t, x, y: t.minimum(x, y), (SQUARE, SQUARE), ()),
    "mse_loss": (lambda t, x, y: t.nn.functional.mse_loss(x, y), (SQUARE, SQUARE), (1,)),
    "conv2d": (lambda t, x, w, b: t.nn.functional.conv2d(x, w, b),
               ((1, 2, 5, 5), (3, 2, 3, 3), (3,)), ()),
    "avg_pool2d": (lambda t, x: t.nn.functional.avg_pool2d(x, 2), ((1, 2, 4, 4),), ()),
    "embedding": (lambda t, w: t.nn.functional.embedding(t.tensor([1, 2]), w), ((5, 4),), ()),
    "index": (lambda t, x: x[[0, 1]], (SQUARE,), ()),
    "select": (lambda t, x: x[0], (SQUARE,), ()),
    "gather": (lambda t, x: x.gather(1, t.zeros(3, 1, dtype=t.int64)), (SQUARE,), ()),
    "cat": (lambda t, x, y: t.cat([x, y]), (SQUARE, SQUARE), ()),
    "where": (lambda t, x, y: t.where(x.detach() > 0.5, x, y), (SQUARE, SQUARE), ()),
    "topk": (lambda t, x: x.topk(2)[0], (SQUARE,), ()),
    "clamp": (lambda t, x: x.clamp(0.2, 0.8), (SQUARE,), ()),
    "views": (lambda t, x: x.view(-1).unsqueeze(0).t(), (SQUARE,), ()),
    "several layers": (
        lambda t, x, w, v: (x @ w).relu().mm(v).sigmoid().pow(2).mean(),
        (SQUARE, (4, 5), (5, 1)), (),
    ),
    "in place": (lambda t, x: (x * 1).exp_(), (SQUARE,), ()),
}  # fmt: skip


def made(torch, *shapes, without=()):
    return [
        torch.tensor(np.random.RandomState(i).rand(*shape).astype("float32"),
                     requires_grad=i not in without)
        for i, shape in enumerate(shapes)
    ]  # fmt: skip


def numbers(tensor) -> list:
    return [round(float(v), 4) for v in tensor.detach().numpy().ravel()]


def complaint(action) -> str:
    try:
        action()
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:40]}"
    return "nothing raised"


def op(torch, name: str):
    function, shapes, without = OPS[name]
    tensors = made(torch, *shapes, without=without)
    packed = []

    def pack(tensor):
        packed.append([list(tensor.shape), str(tensor.dtype), tensor.requires_grad,
                       round(float(tensor.detach().double().sum()), 3)])  # fmt: skip
        return tensor

    def unpack(tensor):
        return tensor * 0.5 if tensor.is_floating_point() else tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        out = function(torch, *tensors)
    out.sum().backward()
    return packed, [None if t.grad is None else numbers(t.grad) for t in tensors]


def written_to_disk(torch):
    x, w, v = made(torch, SQUARE, (4, 5), (5, 1))
    with tempfile.TemporaryDirectory() as folder:
        names = []

        def pack(tensor):
            names.append(os.path.join(folder, str(len(names))))
            torch.save(tensor.detach(), names[-1])
            return names[-1]

        with torch.autograd.graph.saved_tensors_hooks(pack, torch.load):
            loss = (x @ w).tanh().mm(v).exp().sum()
        loss.backward()
        return len(names), [numbers(t.grad) for t in (x, w, v)]


def leaves_come_as_they_are(torch):
    x, y = made(torch, SQUARE, SQUARE)
    seen = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: seen.append([t is x, t is y, torch.is_grad_enabled(), t.is_leaf]), id
    ):
        x.mul(y).exp()
    return seen


def the_innermost_hooks_count(torch):
    x, y = made(torch, SQUARE, SQUARE)
    order: list = []

    def hooks(name):
        return torch.autograd.graph.saved_tensors_hooks(
            lambda t: (order.append(name + " pack"), t)[1],
            lambda t: (order.append(name + " unpack"), t)[1],
        )

    with hooks("outer"):
        a = x.exp()
        with hooks("inner"):
            b = a * y
        c = b.sin()
    (d,) = (c.cos(),)
    d.sum().backward()
    again = complaint(lambda: c.sum().backward())
    return order, again


def what_hooks_may_not_do(torch):
    x, y = made(torch, SQUARE, SQUARE)

    def run(pack, unpack):
        with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
            z = x * y
        z.sum().backward()

    def same(t):
        return t

    def disabled_inside():
        with torch.autograd.graph.disable_saved_tensors_hooks("none in here"):
            run(same, same)

    def disabled_around():
        with torch.autograd.graph.saved_tensors_hooks(same, same):
            with torch.autograd.graph.disable_saved_tensors_hooks("none in here"):
                pass

    return [
        complaint(lambda: run(lambda t: t.add_(1), same)),
        complaint(lambda: run(lambda t: 3, same)),
        complaint(lambda: run(lambda t: 1 / 0, same)),
        complaint(lambda: run(same, lambda t: 1 / 0)),
        complaint(lambda: run(same, lambda t: t[0])),
        complaint(lambda: run(same, lambda t: t.double())),
        complaint(lambda: run(same, None))[:9],
        complaint(disabled_inside),
        complaint(disabled_around),
        complaint(lambda: run(same, same)),  # none of them left hooks on
    ]


def differentiated_twice(torch):
    (x,) = made(torch, (4,))
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t * 0.5):
        y = (x**3).exp()
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    return numbers(first), numbers(second), first.requires_grad


def save_on_cpu(torch):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 1))
    (x,) = made(torch, SQUARE)
    wrapper = importlib.import_module(
        torch.__name__ + ".distributed.algorithms._checkpoint.checkpoint_wrapper"
    )
    offloaded = wrapper.offload_wrapper(net)
    contexts = [torch.autograd.graph.save_on_cpu(), torch.autograd.graph.save_on_cpu(True)]
    found = []
    for called in (net, offloaded):
        for context in (*contexts, torch.enable_grad()):
            net.zero_grad()
            with context:
                loss = called(x).square().mean()
            loss.backward()
            found.append([numbers(p.grad) for p in net.parameters()])
    return found, repr(offloaded), list(offloaded.state_dict())


def read_off_grad_fn(torch):
    x, y = made(torch, SQUARE, SQUARE)
    product, power, halved = x * y, x.exp(), x.softmax(-1)
    found = {
        "self": product.grad_fn._saved_self is x,
        "other": numbers(product.grad_fn._saved_other),
        "result": numbers(power.grad_fn._saved_result),
        "its history": power.grad_fn._saved_result.grad_fn.name(),
        "dims": [t.grad_fn._saved_dim for t in (x.sum(-1), halved, x.sum(1))],
        "sizes": [x.sum(1).grad_fn._saved_self_sym_sizes, x.view(-1).grad_fn._saved_self_sym_sizes],
        "exponent": (x**2).grad_fn._saved_exponent,
        "number": [(x * 2).grad_fn._saved_other.item(), (x * 2).grad_fn._saved_self],
        "constant": (x * y.detach()).grad_fn._saved_self,
        "not there": complaint(lambda: product.grad_fn._saved_result),
        "alpha": [x.add(y, alpha=3).grad_fn._saved_alpha, (x - y).grad_fn._saved_alpha],
        "dir": [
            [a for a in dir(t.grad_fn) if a.startswith(("_saved", "_raw_saved"))]
            for t in (product, power, halved, x.sum(1), x.relu(), x.var(1))
        ],
    }  # fmt: skip
    product.sum().backward(retain_graph=True)
    found["kept"] = product.grad_fn._saved_self is x
    product.sum().backward()
    found["freed"] = [
        complaint(lambda: product.grad_fn._saved_self),
        complaint(lambda: product.grad_fn._raw_saved_self.register_hooks(abs, abs)),
    ]
    return found


def hooks_on_one_saved_tensor(torch):
    x, y = made(torch, SQUARE, SQUARE)
    z = x * y
    raw = z.grad_fn._raw_saved_other
    raw.register_hooks(lambda t: t + 1, lambda t: t * 2)
    again = complaint(lambda: raw.register_hooks(lambda t: t, lambda t: t))
    none = (x * 2).grad_fn._raw_saved_self
    wrong = [
        complaint(lambda: raw.register_hooks(3, 4))[:9],
        complaint(lambda: none.register_hooks(abs, abs)),
    ]
    shown = numbers(z.grad_fn._saved_other)
    z.sum().backward()
    return again, wrong, shown, numbers(x.grad), numbers(y.grad)


def in_a_function(torch):
    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, b):
            out = a * b
            ctx.save_for_backward(a, b, out, None)
            return out

        @staticmethod
        def backward(ctx, grad):
            a, b, out, nothing = ctx.saved_tensors
            seen.append([out.grad_fn is not None, nothing is None])
            return grad * b, grad * a + 0 * out

    seen: list = []
    x, y = made(torch, SQUARE, SQUARE)
    packs = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: (packs.append(t is x), t)[1], lambda t: t * 0.5
    ):
        z = Product.apply(x, y)
    z.sum().backward(retain_graph=True)
    once = numbers(x.grad), numbers(y.grad)
    w = Product.apply(x, y)
    w.grad_fn._raw_saved_tensors[0].register_hooks(lambda t: t, lambda t: t * 3)
    w.sum().backward()
    return seen, packs, once, numbers(x.grad), numbers(y.grad)


def around_checkpoint(torch):
    checkpoint = importlib.import_module(torch.__name__ + ".utils.checkpoint").checkpoint
    found = []
    for reentrant in (False, True):
        x, w = made(torch, SQUARE, (4, 4))
        packs: list = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, packs=packs: (packs.append(list(t.shape)), t)[1], lambda t: t
        ):
            y = checkpoint(lambda a, w=w: (a @ w).sigmoid(), x, use_reentrant=reentrant)
            z = y.exp()
        z.sum().backward()
        found.append([packs, numbers(x.grad), numbers(w.grad)])
    return found


def dropped_when_freed(torch):
    import gc
    import weakref

    class Held:
        def __init__(self, tensor):
            self.tensor = tensor

    (x,) = made(torch, SQUARE)
    held = []

    def pack(tensor):
        box = Held(tensor)
        held.append(weakref.ref(box))
        return box

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda box: box.tensor):
        y = x.sin()
    before = [ref() is not None for ref in held]
    y.sum().backward()
    gc.collect()
    return before, [ref() is not None for ref in held]


def gradient_edges(torch):
    graph = torch.autograd.graph
    x, y = made(torch, (2,), (2,))
    a = x * 3
    edge = graph.get_gradient_edge(a)
    parts = x.split(1)
    found = [
        numbers(torch.autograd.grad((x * y).sum(), graph.get_gradient_edge(x))[0]),
        numbers(torch.autograd.grad((a * y).sum(), [edge], retain_graph=True)[0]),
        [numbers(g) for g in torch.autograd.grad(
            (parts[0] * 2 + parts[1] * 5).sum(),
            [graph.get_gradient_edge(p) for p in parts],
        )],
        complaint(lambda: graph.get_gradient_edge(x.detach())),
    ]  # fmt: skip
    torch.autograd.backward(edge, torch.ones(2))
    torch.autograd.backward([graph.get_gradient_edge((x * y).sum())],
                            inputs=[graph.get_gradient_edge(x)])  # fmt: skip
    return [*found, numbers(x.grad), y.grad]


def hooks_of_an_accumulation(torch):
    (x,) = made(torch, (2,))
    seen: list = []
    a = x * 2
    last = a.grad_fn.next_functions[0][0]
    before = last.register_prehook(lambda grads: (seen.append(numbers(grads[0])), grads[0] * 5)[1:])
    last.register_hook(lambda inputs, outputs: seen.append([len(inputs), numbers(outputs[0]),
                                                            numbers(x.grad)]))  # fmt: skip
    a.sum().backward()
    before.remove()
    (x * 1).sum().backward()
    return seen, numbers(x.grad), numbers(torch.autograd.grad((x * 2).sum(), x)[0])


def what_a_function_wrote(torch):
    class Tripled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            a.mul_(3)
            ctx.mark_dirty(a)
            return a

        @staticmethod
        def backward(ctx, grad):
            return grad * 3

    (x,) = made(torch, (2,))
    whole = x * 1
    Tripled.apply(whole[:1])
    whole.sum().backward()
    freed = Tripled.apply(x * 1)
    freed.sum().backward()
    return [
        numbers(whole), numbers(x.grad), complaint(lambda: Tripled.apply(made(torch, (2,))[0])),
        complaint(lambda: freed.grad_fn.saved_tensors),
    ]  # fmt: skip


def what_is_asked_of_the_graph(torch):
    graph = torch.autograd.graph
    x, y = made(torch, (2,), (2,))

    def nested():
        with graph.allow_mutation_on_saved_tensors(), graph.allow_mutation_on_saved_tensors():
            pass

    plain = torch.ones(2)
    graph.increment_version([plain, plain])
    with graph.allow_mutation_on_saved_tensors() as context:
        context.clear()
    return [
        complaint(lambda: graph.register_multi_grad_hook([x.detach()], print)),
        complaint(lambda: graph.register_multi_grad_hook([x], print, mode="none")),
        complaint(nested),
        complaint(lambda: graph.increment_version(3)),
        plain._version,
    ]


def versions(torch):
    def after(action):
        t = torch.ones(3)
        seen = action(t)
        return [t._version, seen if isinstance(seen, int) else None]

    def under_no_grad(t):
        with torch.no_grad():
            t.mul_(2)
            t[0] = 1

    def parts(t):
        left, right = t[:2], t[1:]
        left.add_(1)
        right.mul_(2)
        return left._version + right._version

    def followed(t):
        kept = t.detach()
        t.add_(1)
        kept.add_(1)
        return kept._version

    def apart(t):
        data = t.data
        t.add_(1)
        data.add_(1)
        data.add_(1)
        return data._version

    def stepped(kind):
        p = torch.nn.Parameter(torch.ones(3))
        optimizer = kind([p], lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            (p * p).sum().backward()
            optimizer.step()
        return p._version

    actions = [
        lambda t: t.add_(1)._version,
        lambda t: t.add(1)._version,
        lambda t: t.__setitem__(0, 1.0),
        lambda t: t.view(-1).add_(1)._version,
        lambda t: (t.add_(1), t[0])[1]._version,
        lambda t: t.data.add_(1)._version,
        lambda t: setattr(t, "data", torch.zeros(3)),
        lambda t: t.detach().add_(1)._version,
        lambda t: torch.add(t, 1, out=t)._version,
        lambda t: t.unsqueeze_(0)._version,
        lambda t: t.copy_(t)._version,
        lambda t: t.requires_grad_()._version,
        under_no_grad, parts, followed, apart,
    ]  # fmt: skip
    optimizers = [torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop]
    return [after(a) for a in actions], [stepped(kind) for kind in optimizers]


PROGRAMS = [
    versions,
    gradient_edges, hooks_of_an_accumulation, what_a_function_wrote, what_is_asked_of_the_graph,
    around_checkpoint, differentiated_twice, dropped_when_freed, hooks_on_one_saved_tensor,
    in_a_function, leaves_come_as_they_are, read_off_grad_fn, save_on_cpu,
    the_innermost_hooks_count, what_hooks_may_not_do, written_to_disk,
]  # fmt: skip
