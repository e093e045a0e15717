"""Programs about ``torch.fx``, run by torch and by jaxtorch: what they return must agree, text for
text. A program takes the library and returns texts and plain numbers.

Annotations are objects here, not texts: graphs keep them.
"""

import contextlib
import copy
import io
import math
import operator
import pickle
import re


def complaint(action) -> str:
    """The exception, and the first words of what it says: the rest is each library's own."""
    try:
        action()
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split()[:5])}"
    return "nothing raised"


def printed(action) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        action()
    return out.getvalue()


def net(torch):
    nn = torch.nn

    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.full((3,), 2.0))
            self.register_buffer("b", torch.ones(3))

        def forward(self, x, k: int = 2):
            return (x * self.w + self.b) * k

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(3, 3)
            self.scale = Scale()
            self.seq = nn.Sequential(nn.ReLU(), nn.Dropout(0.1))
            self.p = nn.Parameter(torch.ones(3))
            self.t = torch.ones(3)

        def forward(self, x: torch.Tensor, *, flag=None):
            y = self.seq(self.lin(x + self.p).clamp(min=0.0, max=1.0))
            y = self.scale(y, k=3)
            a, b = torch.split(y, 2, dim=0)
            z = nn.functional.relu(a) + math.sqrt(x.shape[0])
            return {"z": z, "b": [b[..., None, 1:2], self.t * z]}

    torch.manual_seed(0)
    return Net().eval()


def traced(torch):
    return torch.fx.symbolic_trace(net(torch))


def close(a, b) -> bool:
    return bool(abs(a - b).max() < 1e-5)


# -- what is recorded, and its text ---------------------------------------------------------------


def a_module_is_recorded(torch):
    module, gm = net(torch), traced(torch)
    x = torch.linspace(-1, 1, 12).reshape(4, 3)
    theirs, mine = module(x), gm(x)
    return [str(gm), repr(gm), str(gm.graph), gm.code, close(theirs["z"], mine["z"]),
            close(theirs["b"][1], mine["b"][1])]  # fmt: skip


def readable_code(torch):
    gm = traced(torch)
    shown = [gm.print_readable(print_output=False, expanded_def=e, colored=e) for e in (0, 1)]
    torch.fx.passes.shape_prop.ShapeProp(gm).propagate(torch.zeros(4, 3))
    metas = [str(n.meta.get("tensor_meta")) for n in gm.graph.nodes]
    metas = [re.sub(r"^TensorMetadata", "", m) for m in metas]
    return [*shown, printed(gm.print_readable), metas]


def _all_ops(x, y, torch):
    F = torch.nn.functional
    return (
        (x @ y + 1).relu().sum(dim=-1, keepdim=True) / x.mean(), x[y > 0], ~y, -x, abs(x), x**2,
        2**x, x // 3, 1 < y, x.T, x.shape[0], torch.add(x, other=y, alpha=2), 1 - x, x % 2, 7 / x,
        torch.cat([x, y], dim=1), torch.max(x, 1)[0], torch.einsum("ij,jk->ik", x, y),
        torch.norm(x), torch.linalg.norm(x), torch.fft.fft(x), torch.flatten(x, 1),
        torch.clip(x, 0), torch.relu(x), F.relu(x, True), F.softmax(x, -1), F.gelu(x),
        torch.softmax(x, dim=-1),
        F.linear(x, y), F.dropout(x, training=False), F.max_pool2d(x, 2), F.conv2d(x, y, padding=1),
        F.cross_entropy(x, y), F.interpolate(x, scale_factor=2), F.pad(x, (1, 1)), F.tanh(x),
        F.batch_norm(x, None, None), F.scaled_dot_product_attention(x, y, y, is_causal=True),
        F.layer_norm(x, (3,)), F.adaptive_avg_pool2d(x, 1), F.embedding(x, y), F.sigmoid(x),
        F.leaky_relu(x), F.unfold(x, 2), F.l1_loss(x, y), torch.where(x > 0, x, y),
        torch.arange(x.size(1)), torch.ones_like(x, dtype=torch.float64), x.to(torch.float16),
        torch.arctan(x), torch.atan(x), torch.negative(x), torch.multiply(x, y),
    )  # fmt: skip


def functions_have_torchs_names(torch):
    gm = torch.fx.symbolic_trace(lambda x, y: _all_ops(x, y, torch))
    return [gm.code, [n.format_node() for n in gm.graph.nodes]]


def tensors_meet_proxies(torch):
    c = torch.tensor([1.0, 2.0])
    functions = [
        lambda x: c + x, lambda x: c - x, lambda x: c / x, lambda x: c // x, lambda x: c % x,
        lambda x: c @ x, lambda x: c**x, lambda x: c < x, lambda x: c == x, lambda x: c[x],
        lambda x: c & x, lambda x: c.add(other=x, alpha=2), lambda x: c.view(x.size(0), -1),
        lambda x: torch.stack([x, c]), lambda x: c.to(x), lambda x: c.reshape(x.size(0)),
    ]  # fmt: skip
    return [torch.fx.symbolic_trace(f).code for f in functions]


def arguments_that_are_known(torch):
    def f(x, b, c=3):
        return x + c if b else x - c

    def tree(d):
        return {"o": d["a"] + d["b"][0]}

    def variable(x, *args, **kwargs):
        return x + args[0] + kwargs["q"]

    trace, PH = torch.fx.symbolic_trace, torch.fx.PH
    of_tree = trace(tree, concrete_args={"d": {"a": PH, "b": [PH]}})
    return [
        trace(f, concrete_args={"b": True}).code,
        trace(f, concrete_args={"b": None, "c": 2}).code,
        of_tree.code,
        of_tree({"a": torch.ones(1), "b": [torch.ones(1)]})["o"].tolist(),
        trace(variable).code,
        trace(variable)(1, 2, q=3),
        complaint(lambda: trace(f, concrete_args={"b": True})(1, False)),
    ]


def a_trace_refuses(torch):
    def loop(x):
        for y in x:
            x = x + y
        return x

    trace = torch.fx.symbolic_trace
    return [
        complaint(lambda: trace(loop)),
        complaint(lambda: trace(lambda x: x if x.sum() > 0 else -x)),
        complaint(lambda: trace(lambda x: len(x))),
        complaint(lambda: trace(lambda x: x + torch.nn.Parameter(torch.ones(1)))),
        complaint(lambda: torch.fx.wrap(3)),
        complaint(lambda: torch.fx.wrap("f")),
        complaint(lambda: torch.fx.GraphModule(3, torch.fx.Graph())),
    ]


_MARKED = """
import math
from math import floor

def leaf(x):
    return x if x.sum() > 0 else -x

torch.fx.wrap("leaf")
torch.fx.wrap("len")

def f(x):
    return leaf(x) + len(x) + math.sqrt(x) + floor(x) + leaf(torch.ones(1))
"""


def marked_functions_are_steps(torch):
    names = {"torch": torch, "__name__": "marked"}
    exec(_MARKED, names)
    gm = torch.fx.symbolic_trace(names["f"])
    return [gm.code, names["leaf"](-torch.ones(1)).tolist(), "len" in names]


# -- tracers --------------------------------------------------------------------------------------


def tracers_of_ones_own(torch):
    module = net(torch)

    class Deep(torch.fx.Tracer):
        record_stack_traces = True

        def is_leaf_module(self, m, qualname):
            return isinstance(m, torch.nn.Linear)

    class Unpacking(torch.fx.Tracer):
        def iter(self, obj):
            return iter([obj[0], obj[1]])

        def to_bool(self, obj):
            return True

    graph = Deep().trace(module)
    known = torch.fx.Tracer(param_shapes_constant=True)

    class Shaped(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.ones(2))

        def forward(self, x):
            return x + self.w if self.w.shape[0] == 2 else x

    return [
        str(graph),
        [bool(n.stack_trace) for n in graph.nodes],
        [list(n.meta.get("nn_module_stack", {})) for n in graph.nodes],
        str(Unpacking().trace(lambda x: sum(y for y in x) if x else x)),
        str(known.trace(Shaped())),
    ]


def layers_are_traced_through(torch):
    nn = torch.nn

    class Through(torch.fx.Tracer):
        def is_leaf_module(self, m, qualname):
            return False

    layers = [
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.GELU(), nn.MaxPool2d(2), nn.SiLU(),
        nn.PReLU(), nn.Hardswish(), nn.GroupNorm(2, 4), nn.Tanh(), nn.Sigmoid(), nn.Identity(),
        nn.Upsample(scale_factor=2), nn.AvgPool2d(2), nn.LeakyReLU(),
        nn.Dropout(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4), nn.LayerNorm(4),
        nn.Softmax(1), nn.LogSoftmax(-1), nn.Hardtanh(), nn.ELU(), nn.Softplus(), nn.ReLU6(),
        nn.ZeroPad2d(1), nn.PixelShuffle(2), nn.Embedding(4, 4), nn.Unflatten(1, (2, 2)),
    ]  # fmt: skip
    graph = Through().trace(nn.Sequential(*layers).eval())
    losses = [nn.CrossEntropyLoss(), nn.MSELoss(), nn.L1Loss(), nn.BCEWithLogitsLoss()]
    losses += [nn.NLLLoss(), nn.SmoothL1Loss(), nn.KLDivLoss(), nn.HuberLoss(), nn.BCELoss()]
    return [str(graph), *(str(Through().trace(loss)) for loss in losses)]


def blocks_of_a_profile(torch):
    enter = torch.ops.profiler._record_function_enter
    graph = torch.fx.Graph()
    x, block = graph.placeholder("x"), graph.call_function(enter, ("foo",))
    y = graph.call_function(torch.relu, (x,))
    torch.ops.profiler._record_function_exit(torch.fx.Proxy(block))
    graph.output(y)
    changed = graph.eliminate_dead_code()
    gm = torch.fx.GraphModule({}, graph)
    with torch.autograd.profiler.profile() as profile:
        gm(torch.ones(1))
    return [gm.code, changed, "foo" in str(profile)]


def classes_may_be_recorded(torch):
    class Pair(metaclass=torch.fx.ProxyableClassMeta):
        def __init__(self, left, right):
            self.left, self.right = left, right

        def add(self, other):
            return Pair(self.left + other.left, self.right + other.right)

    Pair.__qualname__ = "Pair"
    x = Pair(torch.ones(1), torch.zeros(1))
    gm = torch.fx.symbolic_trace(lambda x, y: x.add(Pair(y, y)))
    return [gm.code, gm(x, torch.ones(1)).left.tolist()]


# -- graphs ---------------------------------------------------------------------------------------


def nodes_know_their_users(torch):
    graph = torch.fx.Graph()
    a, b = graph.placeholder("a"), graph.placeholder("a", default_value=2)
    c = graph.call_function(torch.add, (a, b), {"alpha": 2})
    d = graph.call_method("relu", (c,))
    e = graph.call_function(torch.mul, (d, [a, {"k": b}]))
    graph.output((d, slice(a, None)))
    told = [str(graph), complaint(lambda: graph.erase_node(c)), graph.eliminate_dead_code()]
    told += [e.op, graph.python_code("self").src, [str(u) for u in a.users], str(d.next), c < d]
    with graph.inserting_after(c):
        f = graph.call_function(torch.relu, (c,))
    f.update_kwarg("k", True)
    d.insert_arg(1, 3)
    d.update_arg(1, f)
    told += [str(graph), [str(n) for n in d.all_input_nodes]]
    c.replace_all_uses_with(f, delete_user_cb=lambda user: user is not f)
    told.append(str(graph))
    graph.lint()
    c.append(f)
    d.prepend(f)
    told += [[str(n) for n in reversed(graph.nodes)], len(graph.nodes)]
    a.append(f)
    told += [complaint(graph.lint), str(graph.find_nodes(op="call_function", target=torch.add))]
    told.append(complaint(lambda: f.kwargs.update(k=1)))
    told.append(complaint(lambda: graph.inserting_before(torch.fx.Graph().placeholder("x"))))
    return told


def names_are_made(torch):
    graph = torch.fx.Graph()
    names = "x x x_1 sum sum 3d a.b torch BatchNorm __len__ if _ x_7 x nan".split()
    return [str(graph.create_node("get_attr", name)) for name in names]


def graphs_are_copied(torch):
    gm = traced(torch)
    twin = copy.deepcopy(gm)
    env: dict = {}
    graph = torch.fx.Graph()
    result = graph.graph_copy(gm.graph, env)
    node = next(iter(twin.graph.find_nodes(op="call_method")))
    node.target = "sigmoid"
    node.kwargs = {}
    twin.recompile()
    x = torch.ones(4, 3)
    return [
        twin.code, gm.code == twin.code, str(copy.deepcopy(gm.graph)), str(result), str(graph),
        close(gm(x)["z"], twin(x)["z"]), type(twin).__name__, twin.graph is gm.graph,
        [k for k, _ in twin.named_parameters()], twin.lin.weight is gm.lin.weight,
    ]  # fmt: skip


def modules_are_saved(torch):
    gm = traced(torch)
    x = torch.ones(4, 3)
    file = io.BytesIO()
    torch.save(gm, file)
    file.seek(0)
    read = torch.load(file, weights_only=False)
    again = pickle.loads(pickle.dumps(gm))
    return [
        read.code,
        str(again),
        close(read(x)["z"], gm(x)["z"]),
        close(again(x)["z"], gm(x)["z"]),
    ]


def modules_of_a_graph(torch):
    gm = traced(torch)
    told = [gm.add_submodule(path, torch.nn.ReLU()) for path in ("new.deep", "p.q")]
    told += [[n for n, _ in gm.named_modules()], gm.delete_submodule("no.such")]
    told += [gm.delete_submodule("new.deep"), gm.delete_all_unused_submodules()]
    told.append([n for n, _ in gm.named_modules()])
    graph = torch.fx.Graph()
    x = graph.placeholder("x")
    graph.output(graph.call_module("a.b", (graph.get_attr("w"), x)))
    made = torch.fx.GraphModule({"a.b": torch.nn.Bilinear(1, 1, 1), "w": torch.ones(1, 1)}, graph)
    told += [str(made), complaint(lambda: torch.fx.GraphModule({}, graph))]
    lines = []
    made.graph.on_generate_code(lambda before: lambda body: lines.extend(body) or body)
    made.recompile()
    return [*told, lines]


def errors_show_the_code(torch):
    gm = torch.fx.symbolic_trace(lambda x: torch.matmul(x, x))
    err = io.StringIO()
    with contextlib.redirect_stderr(err):
        told = complaint(lambda: gm(torch.ones(2, 3)))
    shown = err.getvalue()
    interpreter = torch.fx.Interpreter(gm)
    raised = ""
    try:
        interpreter.run(torch.ones(2, 3))
    except RuntimeError as error:
        raised = str(error)
    return [told[:12], shown[shown.index("Call using") :], raised[raised.index("While") :][:120]]


# -- what is done with graphs ---------------------------------------------------------------------


def interpreters_run_and_rewrite(torch):
    F, gm, calls = torch.nn.functional, traced(torch), []

    class Counting(torch.fx.Interpreter):
        def call_function(self, target, args, kwargs):
            calls.append(target.__name__)
            return super().call_function(target, args, kwargs)

    class Rewriting(torch.fx.Transformer):
        def call_function(self, target, args, kwargs):
            return (
                F.gelu(args[0]) if target is F.relu else super().call_function(target, args, kwargs)
            )

        def call_method(self, target, args, kwargs):
            return (
                args[0].sigmoid()
                if target == "clamp"
                else super().call_method(target, args, kwargs)
            )

    x = torch.ones(4, 3)
    out = Counting(gm).run(x)
    new = Rewriting(gm).transform()
    return [
        close(out["z"], gm(x)["z"]),
        calls,
        new.code,
        Counting(gm).boxed_run([x, None])["z"].shape[0],
    ]


def patterns_are_replaced(torch):
    rewriter = torch.fx.subgraph_rewriter

    def f(x, w1, w2):
        m1 = torch.cat([torch.neg(w1), w2]).sum()
        m2 = torch.cat([torch.neg(w1), w2]).sum()
        return x + torch.max(m1) + torch.max(m2) + torch.add(m1, 1) * torch.add(m2, 2)

    def pattern(a, b):
        return torch.cat([torch.neg(a), b]).sum()

    gm = torch.fx.symbolic_trace(f)
    found = torch.fx.replace_pattern(gm, pattern, lambda a, b: torch.stack([a, b]))
    told = [str(found), gm.code]
    args = gm, lambda x: torch.add(x, 1), lambda x: torch.sub(x, 7)
    found = rewriter.replace_pattern_with_filters(
        *args, match_filters=[lambda match, graph, pattern: True], ignore_literals=True
    )
    told += [str([m.replacements for m in found]), gm.code]
    refused = rewriter.replace_pattern_with_filters(
        gm, *args[1:], match_filters=[lambda match, graph, pattern: False], ignore_literals=True
    )
    chained = torch.fx.symbolic_trace(lambda x: torch.relu(torch.relu(torch.relu(x))))
    torch.fx.replace_pattern(chained, lambda x: torch.relu(x), lambda x: torch.sin(x) + 1)
    module = torch.fx.symbolic_trace(torch.nn.Sequential(torch.nn.ReLU()))

    class New(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.new = torch.nn.Sigmoid()

        def forward(self, x):
            return self.new(x)

    class Old(torch.nn.Module):
        def __init__(self):
            super().__init__()
            setattr(self, "0", torch.nn.ReLU())

        def forward(self, x):
            return getattr(self, "0")(x)

    trace = torch.fx.symbolic_trace
    torch.fx.replace_pattern(module, trace(Old()), trace(New()))
    return [*told, refused, chained.code, str(module)]


def modules_are_split(torch):
    from_ = torch.fx.passes.split_module
    module, count, names = net(torch), [0], {}
    gm = torch.fx.symbolic_trace(module)

    def part(node):
        count[0] += 1
        return count[0] // 5

    split = from_.split_module(gm, module, part, names)
    x = torch.ones(4, 3)
    parts = [m.code for n, m in split.named_children() if n.startswith("submod")]
    return [
        split.code,
        parts,
        names,
        close(split(x)["z"], gm(x)["z"]),
        printed(split.print_readable),
    ]


def layers_are_fused(torch):
    nn, optimization = torch.nn, torch.fx.experimental.optimization
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.ReLU(), nn.Dropout(), nn.Flatten()]
    model = nn.Sequential(*layers, nn.Linear(8, 3), nn.BatchNorm1d(3)).eval()
    x = torch.linspace(0, 1, 8).reshape(2, 1, 2, 2)
    fused, kept = optimization.fuse(model), optimization.remove_dropout(model)
    return [str(fused), kept.code, close(fused(x), model(x)), close(kept(x), model(x))]


def proxies_append_to_graphs(torch):
    gm = torch.fx.symbolic_trace(lambda x, y: (x + y, torch.add(x, y), x.add(y)))
    for node in list(gm.graph.nodes):
        if node.target in (operator.add, torch.add, "add"):
            with gm.graph.inserting_before(node):
                args = [torch.fx.Proxy(arg) for arg in node.args]
                new = args[0].relu() * torch.nn.functional.relu(torch.fx.Proxy(node.args[1])) + 1
            node.replace_all_uses_with(new.node)
            gm.graph.erase_node(node)
    gm.recompile()
    return [gm.code, [int(v) for v in gm(torch.tensor(1), torch.tensor(2))]]


PROGRAMS = [
    a_module_is_recorded, readable_code, functions_have_torchs_names, tensors_meet_proxies,
    arguments_that_are_known, a_trace_refuses, marked_functions_are_steps, tracers_of_ones_own,
    layers_are_traced_through, blocks_of_a_profile, classes_may_be_recorded,
    nodes_know_their_users, names_are_made, graphs_are_copied,
    modules_are_saved, modules_of_a_graph, errors_show_the_code, interpreters_run_and_rewrite,
    patterns_are_replaced, modules_are_split, layers_are_fused, proxies_append_to_graphs,
]  # fmt: skip


def answer(torch, program) -> list:
    """What a program returns, without what is no property of the library."""
    for name in ("passes.shape_prop", "passes.split_module", "experimental.optimization"):
        __import__(f"{torch.__name__}.fx.{name}")
    text = repr(program(torch))
    text = re.sub(r"0x[0-9a-f]+", "0x", text).replace("jaxtorch.", "torch.")
    return re.sub(r"File: [^ ]*?([^/ ]+:\d+ in)", r"File: \1", text).split("\\n")
