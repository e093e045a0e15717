"""The wrapper of an op: a function with the body's signature that records a node.

Its source is generated, because what it saves on each call is most of what a call costs; and it is
compiled when the op is first called, because a program uses few of the ops that it imports.
"""

from __future__ import annotations

import inspect as pyinspect
from types import FunctionType
from typing import TYPE_CHECKING, Any

from jaxtorch import dtypes
from jaxtorch.engine.graph import MODES, NOTHING, NUMBER_AVALS, STATE, Number, record
from jaxtorch.engine.handles import Handles
from jaxtorch.engine.inspect import site
from jaxtorch.engine.kernels import KERNELS
from jaxtorch.ops._dispatch import (
    MISSING,
    factors_first,
    finish_many,
    lift,
    lift_many,
    missing,
    promptly,
    slow,
)
from jaxtorch.ops._overrides import Overridden, call_overridden

if TYPE_CHECKING:
    from jaxtorch.ops._op import Op

# These numbers may stand before the tensors they multiply, as they did in early PyTorch.
FACTORS = ("beta", "alpha", "value")
# torch takes NumPy's names for these parameters of any function.
NUMPY_NAMES = {"dim": "axis", "keepdim": "keepdims"}


def unbuilt(operation: Op, out: Any) -> FunctionType:
    """A function that becomes the op's wrapper when it is called."""
    scope = {
        "__name__": __name__, "OP": operation, "CLASSES": Handles.classes, "lift": lift,
        "lift_many": lift_many, "get": KERNELS.get, "slow": slow, "MODES": MODES, "STATE": STATE,
        "record": record, "finish_many": finish_many, "site": site, "H": Handles,
        "MISSING": MISSING, "missing": missing, "build": build, "Overridden": Overridden,
        "call_overridden": call_overridden, "factors_first": factors_first, "dtype_of": dtypes.of,
        "promptly": promptly,
    }  # fmt: skip
    scope["ME"] = function = FunctionType(_first_call.__code__, scope)
    scope["OUT"] = out
    return function


def _first_call(*args, **kwargs):
    build(ME, OP, OUT)  # noqa: F821  (this code runs in the scope that `unbuilt` makes)
    return ME(*args, **kwargs)  # noqa: F821


def build(function: FunctionType, operation: Op, out: Any) -> None:
    """Compile the wrapper and make it the code of ``function``."""
    scope = function.__globals__
    exec(compile(_source(operation, out, scope), f"<op {operation.name}>", "exec"), scope)
    made = scope.pop("wrapper")
    function.__defaults__, function.__kwdefaults__ = made.__defaults__, made.__kwdefaults__
    function.__code__ = made.__code__


def _lifted_default(operation: Op, position: int, default):
    if default is None and operation.params[position][2]:
        return NOTHING
    return Number(default) if default.__class__ in NUMBER_AVALS else None


def _source(operation: Op, out: Any, scope: dict) -> str:
    head, star, bare, lines = [], False, False, []
    parameters = list(pyinspect.signature(operation.body).parameters.values())
    aliases = ["out=None"] if out else []
    for p, after in zip(parameters, [*parameters[1:], None], strict=True):
        if p.kind is p.KEYWORD_ONLY and not star:
            factors = [q.name for q in parameters if q.kind is q.KEYWORD_ONLY and q.name in FACTORS]
            if factors:
                taken = ", ".join([*[q.name for q in parameters if q.kind is not q.KEYWORD_ONLY],
                                   "*older_"])  # fmt: skip
                given = ", ".join(f"{n}={n}" for n in (*factors, *(["out"] if out else [])))
                lines.append(f"if older_: return factors_first(ME, {factors}, ({taken}), {given})")
            head.append("*older_" if factors else "*")
            star = True
        text = p.name
        if p.default is not p.empty:
            scope["_" + p.name] = p.default
            text += f"=_{p.name}"
        early = after is not None and after.default is p.empty  # nothing hot takes these names
        if p.name in NUMPY_NAMES and not (early and operation.body.__name__.startswith("_")):
            alias = NUMPY_NAMES[p.name]
            aliases.append(f"{alias}=MISSING")
            lines.append(f"if {alias} is not MISSING: {p.name} = {alias}")
            if p.default is p.empty:
                text += "=MISSING"
                lines.append(f"if {p.name} is MISSING: raise missing(OP, {p.name!r})")
                bare = True
        elif bare and p.default is p.empty and p.kind is not p.KEYWORD_ONLY:
            text += "=MISSING"  # after a default, all have one: `lift` and the body miss it
        if p.name == "dtype" and p.name in operation.statics:
            lines.append("if dtype.__class__ is type: dtype = dtype_of(dtype)")
        head.append(text)
    if aliases:
        head += aliases if star else ["*", *aliases]
    if out == "dtype":
        lines.append("if out is not None and dtype is None: dtype = out.dtype")
    # Locals end in an underscore: parameters may be called node, flat or result.
    nodes, flat, avals, lengths = [], [], [], []
    for i, (name, kind, _) in enumerate(operation.params):
        if kind == "Arrays":
            lines.append(f"n{i}_ = lift_many(OP, {i}, {name})")
            flat.append(f"*n{i}_")
            avals.append(f"*[n.aval for n in n{i}_]")
            lengths.append(f"len(n{i}_)")
        else:
            default = _lifted_default(operation, i, scope.get("_" + name, MISSING))
            if default is None:
                known = ""
            else:  # a number or None that is not given is not lifted anew on every call
                scope[f"_n{i}"] = default
                known = f"_n{i} if {name} is _{name} else "
            lines.append(
                f"n{i}_ = {known}{name}._node if {name}.__class__ in CLASSES and "
                f"{name}._base is None else lift(OP, {i}, {name})"
            )
            flat.append(f"n{i}_")
            avals.append(f"n{i}_.aval")
        nodes.append(f"n{i}_")
    statics = "".join(f"{s}, {s}.__class__, " for s in operation.statics)
    key = f"(OP, {statics}{''.join(f'{x}, ' for x in lengths + avals)})"
    static_dict = "{" + ", ".join(f"{s!r}: {s}" for s in operation.statics) + "}"
    slots = f"({''.join(f'{n}, ' for n in nodes)})"
    if any(kind == "Arrays" for _, kind, _ in operation.params):
        lines.append(f"flat_ = ({''.join(f'{f}, ' for f in flat)})")
        wants = "any([n.requires_grad for n in flat_])"
    else:
        lines.append(f"flat_ = {slots}")
        wants = " or ".join(f"{n}.requires_grad" for n in nodes) or "False"
    tail, view_of = "H.fresh(node_)", ""
    if operation.is_view:
        tail = f"H.wrap_view(node_, {operation.params[0][0]}, OP, {static_dict}, flat_[1:])"
        view_of = f", {operation.params[0][0]}"
    returned = "result_ = " if out or operation.prompt else "return "
    lines += [
        f"try: kernel_ = get({key})",
        "except TypeError: kernel_ = None",
        "if kernel_ is None or MODES[0]:",
        f"    {returned}slow(OP, {slots}, {static_dict}{view_of})",
        "else:",
        f"    node_ = record(kernel_, flat_, ({wants}) and kernel_.carries_grad and STATE.grad)",
        "    if kernel_.messages: node_.site = site(2)",
        f"    {returned}finish_many(OP, node_) if kernel_.outputs is not None else {tail}",
    ]
    if operation.prompt:
        lines.append("promptly(result_)" if out else "promptly(result_); return result_")
    if out:
        lines.append("return result_ if out is None else H.assign_out(result_, out, OUT)")
    body = "".join(f"        {line}\n" for line in lines)
    return (
        f"def wrapper({', '.join(head)}):\n    try:\n{body}"
        "    except Overridden: given_ = locals()\n"
        "    return call_overridden(ME, OP, given_)\n"
    )
