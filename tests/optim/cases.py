"""Tables that drive the tests of optimizers and schedules, and the script that asks real torch."""

import numpy as np

SHAPES = [(3, 4), (4,), ()]
MATRICES = [(3, 4), (5, 2), (4, 4)]
CHECKED_STEPS = (1, 2, 3, 10, 30)

# (optimizer, options): what a parameter group may say, each at least once.
OPTIMIZERS = [
    ("SGD", dict(lr=0.1)),
    ("SGD", dict(lr=0.1, momentum=0.9)),
    ("SGD", dict(lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.01)),
    ("SGD", dict(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01, maximize=True)),
    ("Adam", dict()),
    ("Adam", dict(lr=0.01, amsgrad=True, weight_decay=0.1)),
    ("Adam", dict(maximize=True, betas=(0.5, 0.9), eps=1e-3)),
    ("Adam", dict(betas=(0.0, 0.99))),
    ("Adam", dict(weight_decay=0.1, decoupled_weight_decay=True)),
    ("AdamW", dict(lr=0.01)),
    ("AdamW", dict(amsgrad=True, weight_decay=0.2, maximize=True)),
    ("RMSprop", dict()),
    ("RMSprop", dict(centered=True, momentum=0.9, weight_decay=0.1)),
    ("RMSprop", dict(maximize=True, momentum=0.3, alpha=0.5, eps=1e-4)),
    ("Adagrad", dict()),
    ("Adagrad", dict(lr=0.1, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.2)),
    ("Adagrad", dict(maximize=True, eps=1e-3)),
    ("Adamax", dict()),
    ("Adamax", dict(weight_decay=0.1, maximize=True)),
    ("NAdam", dict()),
    ("NAdam", dict(weight_decay=0.1, decoupled_weight_decay=True, maximize=True)),
    ("NAdam", dict(weight_decay=0.1, momentum_decay=0)),
    ("RAdam", dict()),
    ("RAdam", dict(weight_decay=0.1, decoupled_weight_decay=True)),
    ("RAdam", dict(betas=(0.9, 0.9), weight_decay=0.1, maximize=True)),
    ("Adadelta", dict()),
    ("Adadelta", dict(weight_decay=0.1, lr=0.1, maximize=True)),
    ("ASGD", dict(lr=0.01)),
    ("ASGD", dict(t0=5, lambd=0.1, weight_decay=0.1, maximize=True)),
    ("Rprop", dict()),
    ("Rprop", dict(etas=(0.3, 1.5), step_sizes=(1e-3, 0.1), maximize=True)),
    ("Adafactor", dict()),
    ("Adafactor", dict(weight_decay=0.1, eps=(1e-3, 1e-2), d=2.0, maximize=True)),
    ("Muon", dict()),
    ("Muon", dict(nesterov=False, adjust_lr_fn="match_rms_adamw", momentum=0.5)),
]

TOLERANCE = {"Muon": 2e-5}


def case_id(case) -> str:
    name, options = case
    return "-".join([name, *(f"{k}={v}" for k, v in options.items())]).replace(" ", "")


def shapes_of(name: str) -> list[tuple[int, ...]]:
    return MATRICES if name == "Muon" else SHAPES


def beginnings(name: str, dtype=np.float32) -> list[np.ndarray]:
    """The parameters' first values."""
    rng = np.random.RandomState(0)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes_of(name)]


def gradients(name: str, dtype=np.float32):
    """The gradients of each step, with a mean, so that momentum has something to find."""
    rng = np.random.RandomState(1)
    for _ in range(max(CHECKED_STEPS)):
        yield [(rng.standard_normal(s) + 0.3).astype(dtype) for s in shapes_of(name)]


def _double(epoch):
    return 0.95**epoch


def _shrink(epoch):
    return 0.9 if epoch % 2 else 0.8


# (schedule, arguments): of an SGD with momentum 0.9 and two groups, lr 0.1 and 0.02.
SCHEDULES = [
    ("StepLR", dict(step_size=3)),
    ("StepLR", dict(step_size=4, gamma=0.5)),
    ("MultiStepLR", dict(milestones=[2, 5, 5, 9])),
    ("ConstantLR", dict()),
    ("ConstantLR", dict(factor=0.25, total_iters=7)),
    ("LinearLR", dict()),
    ("LinearLR", dict(start_factor=0.1, end_factor=0.7, total_iters=8)),
    ("ExponentialLR", dict(gamma=0.9)),
    ("PolynomialLR", dict(total_iters=10)),
    ("PolynomialLR", dict(total_iters=15, power=2.0)),
    ("CosineAnnealingLR", dict(T_max=5)),
    ("CosineAnnealingLR", dict(T_max=50, eta_min=1e-3)),
    ("CosineAnnealingWarmRestarts", dict(T_0=4)),
    ("CosineAnnealingWarmRestarts", dict(T_0=3, T_mult=2, eta_min=1e-4)),
    ("LambdaLR", dict(lr_lambda=_double)),
    ("LambdaLR", dict(lr_lambda=[_double, _shrink])),
    ("MultiplicativeLR", dict(lr_lambda=_shrink)),
    ("CyclicLR", dict(base_lr=0.01, max_lr=0.1, step_size_up=4)),
    ("CyclicLR", dict(base_lr=0.01, max_lr=0.1, step_size_up=3, step_size_down=5,
                      mode="triangular2")),
    ("CyclicLR", dict(base_lr=[0.01, 0.02], max_lr=[0.1, 0.3], step_size_up=4, gamma=0.9,
                      mode="exp_range", cycle_momentum=False)),
    ("OneCycleLR", dict(max_lr=0.5, total_steps=24)),
    ("OneCycleLR", dict(max_lr=[0.5, 0.2], epochs=3, steps_per_epoch=8, three_phase=True,
                        anneal_strategy="linear", pct_start=0.4, div_factor=10.0)),
]  # fmt: skip
EPOCHS = 24
