"""Write what real PyTorch's layers and modules do, for machines without it.

python tests/reference/make_nn.py
"""

import sys
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests import oracle, stored  # noqa: E402
from tests.nn import programs, reparametrized, rows, test_init, test_module, training  # noqa: E402

with oracle.no_warnings():
    answers = {str(row): rows.observe(torch, row) for row in rows.ROWS}
stored.save(oracle.REFERENCE, "layers", answers)
ran = {program.__name__: programs.run(program, torch) for program in test_module.PROGRAMS}
stored.save(oracle.REFERENCE, "module", ran)
ran = {program.__name__: programs.run(program, torch) for program in reparametrized.PROGRAMS}
stored.save(oracle.REFERENCE, "reparametrized", ran)
stored.save(oracle.REFERENCE, "init", test_init.expected())
stored.save(oracle.REFERENCE, "training", {run.__name__: run(torch) for run in training.RUNS})
