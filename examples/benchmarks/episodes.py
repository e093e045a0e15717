"""Policy gradients over episodes of 5 to 60 steps, no two graphs alike; PyTorch takes turns.

python examples/benchmarks/episodes.py
"""

import importlib
import statistics
import time

import numpy as np
from contenders import has_torch
from tables import Table, print_table

EPISODES = 60


class Agent:
    """REINFORCE on a cart that is pushed left or right and drifts; the episode's end is given."""

    def __init__(self, torch):
        self.torch = torch
        torch.manual_seed(0)
        nn = torch.nn
        self.policy = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
        self.optimizer = torch.optim.Adam(self.policy.parameters(), lr=1e-2)

    def episode(self, steps: int, numbers: np.random.RandomState) -> float:
        torch, F = self.torch, self.torch.nn.functional
        state = numbers.randn(4).astype(np.float32)
        log_probs, rewards = [], []
        for _ in range(steps):
            log_p = F.log_softmax(self.policy(torch.from_numpy(state)), dim=-1)
            action = torch.multinomial(log_p.exp(), 1).item()
            log_probs.append(log_p[action])
            push = 0.1 * (2 * action - 1)
            state = (0.98 * state + np.array([push, -push, 0.02, 0.0])).astype(np.float32)
            rewards.append(1.0 - abs(float(state[0])))
        returns = torch.tensor(np.cumsum(rewards[::-1])[::-1].copy(), dtype=torch.float32)
        returns = (returns - returns.mean()) / (returns.std() + 1e-6)
        loss = -(torch.stack(log_probs) * returns).sum()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


def run() -> Table:
    import jaxtorch

    libraries = ["jaxtorch"] + ["torch"] * has_torch()
    agents = {name: Agent(importlib.import_module(name)) for name in libraries}
    numbers = {name: np.random.RandomState(0) for name in libraries}
    lengths = np.random.RandomState(1).randint(5, 61, EPISODES)
    times = {name: [] for name in libraries}
    losses = {name: [] for name in libraries}
    compiled = []
    for length in lengths:
        before = jaxtorch.engine.stats()["compiled"]
        for name, agent in agents.items():
            start = time.perf_counter()
            losses[name].append(agent.episode(int(length), numbers[name]))
            times[name].append(1e3 * (time.perf_counter() - start))
        compiled.append(jaxtorch.engine.stats()["compiled"] - before)
    print("whole-graph compilations in each episode:", compiled)
    if has_torch():
        print(f"losses differ by {np.abs(np.subtract(*losses.values())).max():.1e} at most")
    rows = []
    for label, part in (("first ten", slice(0, 10)), ("after ten", slice(10, None))):
        totals = [round(sum(times[name][part])) for name in libraries]
        medians = [round(statistics.median(times[name][part]), 1) for name in libraries]
        ratio = [round(totals[0] / totals[-1], 1)] * has_torch()
        rows.append([label, *totals, *ratio, *medians, sum(compiled[part])])
    names = ["jaxtorch"] + ["PyTorch"] * has_torch()
    head = [f"{name} in all" for name in names] + ["ratio"] * has_torch()
    head += [f"{name} median" for name in names] + ["whole graphs compiled"]
    return Table("Episodes of 5 to 60 steps, ms", ["episodes", *head], rows)


if __name__ == "__main__":
    print_table(run())
