"""Ask real torch for the numbers of tests/optim: python tests/reference/make_optim.py"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent))
from tests.optim.cases import (  # noqa: E402
    CHECKED_STEPS,
    EPOCHS,
    OPTIMIZERS,
    SCHEDULES,
    beginnings,
    case_id,
    gradients,
)


def trajectory(name: str, options: dict) -> dict[str, np.ndarray]:
    """All parameters in a row at each checked step, and the state after the last by key."""
    params = [torch.nn.Parameter(torch.tensor(p)) for p in beginnings(name)]
    optimizer = getattr(torch.optim, name)(params, **options)
    rows = []
    for step, grads in enumerate(gradients(name), 1):
        for param, grad in zip(params, grads, strict=True):
            param.grad = torch.tensor(grad)
        optimizer.step()
        if step in CHECKED_STEPS:
            rows.append(in_a_row([param.detach() for param in params]))
    found = {"params": np.stack(rows)}
    states = [optimizer.state[param] for param in params]
    for key in dict.fromkeys(key for state in states for key in state):
        found[key] = in_a_row([state[key] for state in states if key in state])
    return found


def in_a_row(tensors) -> np.ndarray:
    return np.concatenate([np.ravel(tensor.numpy()) for tensor in tensors])


def schedule(name: str, options: dict) -> dict:
    """Learning rates and momenta of both groups, epoch by epoch, and the state at the end."""
    weights = [torch.nn.Parameter(torch.zeros(2)) for _ in range(2)]
    groups = [{"params": [weights[0]]}, {"params": [weights[1]], "lr": 0.02}]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    scheduler = getattr(torch.optim.lr_scheduler, name)(optimizer, **options)
    lrs, momenta = [], []
    for _ in range(EPOCHS):
        lrs.append([float(group["lr"]) for group in optimizer.param_groups])
        momenta.append([group["momentum"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    state = {k: v for k, v in scheduler.state_dict().items() if k != "milestones"}
    return {"lr": lrs, "momentum": momenta, "state": state}


def main() -> None:
    arrays, texts = {}, {}
    for case in OPTIMIZERS:
        for key, value in trajectory(*case).items():
            arrays[f"{case_id(case)}/{key}"] = value
        name, options = case
        params = [torch.nn.Parameter(torch.tensor(p)) for p in beginnings(name)]
        texts[case_id(case)] = repr(getattr(torch.optim, name)(params, **options))
    np.savez_compressed(HERE / "optim.npz", **arrays)
    (HERE / "optim_repr.json").write_text(json.dumps(texts, indent=1) + "\n")
    schedules = [schedule(*case) for case in SCHEDULES]
    (HERE / "lr_scheduler.json").write_text(json.dumps(schedules) + "\n")


if __name__ == "__main__":
    main()
