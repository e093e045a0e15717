"""Who runs a training step: the torch-style loop on jaxtorch and on PyTorch, and steps by hand.

A contender is made for a workload and gives a function that does one step and returns the loss as
a Python float. All start from the weights that jaxtorch makes with seed 0.
"""

import importlib
import importlib.util
from collections.abc import Callable

import jax
import numpy as np
import optax
from workloads import Workload

Step = Callable[[], float]


def initial_weights(workload: Workload) -> dict[str, np.ndarray]:
    import jaxtorch

    jaxtorch.manual_seed(0)
    state = workload.model(jaxtorch).state_dict()
    return {name: np.array(value.numpy()) for name, value in state.items()}


def torch_loop(torch, workload: Workload, wrap=lambda model: model) -> Step:
    """The loop as everyone writes it; `torch` is jaxtorch or PyTorch."""
    model = workload.model(torch)
    weights = initial_weights(workload)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    model = wrap(model)
    optimizer = workload.torch_optimizer(torch, model)
    inputs, labels = (torch.from_numpy(array) for array in workload.batch())
    cross_entropy = torch.nn.functional.cross_entropy

    def step() -> float:
        optimizer.zero_grad()
        loss = cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def on_jaxtorch(workload: Workload) -> Step:
    return torch_loop(importlib.import_module("jaxtorch"), workload)


def on_pytorch(workload: Workload) -> Step:
    return torch_loop(importlib.import_module("torch"), workload)


def on_torch_compile(workload: Workload) -> Step:
    torch = importlib.import_module("torch")
    return torch_loop(torch, workload, torch.compile)


def by_hand(workload: Workload) -> Step:
    """jax.jit of the obvious JAX form, with optax and donation."""
    weights = initial_weights(workload)
    stats = {name: value for name, value in weights.items() if _is_statistic(name)}
    params = {name: jax.numpy.array(v) for name, v in weights.items() if name not in stats}
    stats = {name: jax.numpy.array(value) for name, value in stats.items()}
    inputs, labels = (jax.numpy.array(array) for array in workload.batch())
    tx = workload.optax_optimizer()
    state = tx.init(params)

    def step_fn(params, stats, state, inputs, labels):
        value_and_grad = jax.value_and_grad(workload.by_hand, has_aux=True)
        (loss, stats), grads = value_and_grad(params, stats, inputs, labels)
        updates, state = tx.update(grads, state, params)
        return optax.apply_updates(params, updates), stats, state, loss

    compiled = jax.jit(step_fn, donate_argnums=(0, 1, 2))

    def step() -> float:
        nonlocal params, stats, state
        params, stats, state, loss = compiled(params, stats, state, inputs, labels)
        return float(loss)

    return step


def with_our_ops(workload: Workload) -> Step:
    """As `by_hand`, but the model is jaxtorch's own through `functional_call`.

    Against `by_hand` it shows what the op bodies gain, against the loop what recording costs.
    """
    import jaxtorch
    from jaxtorch.func import functional_call, value_and_grad

    model = workload.model(jaxtorch)
    weights = {k: jaxtorch.from_numpy(v) for k, v in initial_weights(workload).items()}
    model.load_state_dict(weights)
    stats = {name: value for name, value in weights.items() if _is_statistic(name)}
    params = {name: value for name, value in weights.items() if name not in stats}
    inputs, labels = (jaxtorch.from_numpy(array) for array in workload.batch())
    tx = workload.optax_optimizer()
    state = tx.init(params)

    def loss_fn(params, stats, inputs, labels):
        stats = {name: value.clone() for name, value in stats.items()}
        logits = functional_call(model, params | stats, (inputs,))
        return jaxtorch.nn.functional.cross_entropy(logits, labels), stats

    @jaxtorch.jit
    def step_fn(params, stats, state, inputs, labels):
        grad_fn = value_and_grad(loss_fn, has_aux=True)
        (loss, stats), grads = grad_fn(params, stats, inputs, labels)
        updates, state = tx.update(grads, state, params)
        return optax.apply_updates(params, updates), stats, state, loss

    def step() -> float:
        nonlocal params, stats, state
        params, stats, state, loss = step_fn(params, stats, state, inputs, labels)
        return loss.item()

    return step


def has_torch() -> bool:
    """Is PyTorch installed beside jaxtorch?"""
    return importlib.util.find_spec("torch") is not None


def _is_statistic(name: str) -> bool:
    return name.rsplit(".", 1)[-1] in ("running_mean", "running_var", "num_batches_tracked")


CONTENDERS: dict[str, Callable[[Workload], Step]] = {
    "by hand": by_hand,
    "jaxtorch": on_jaxtorch,
    "our ops by hand": with_our_ops,
}
if has_torch():
    CONTENDERS |= {"PyTorch": on_pytorch, "torch.compile": on_torch_compile}
