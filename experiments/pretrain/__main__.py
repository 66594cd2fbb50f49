"""`python -m experiments.pretrain`."""

import sys

from experiments.config.program import run_together
from experiments.pretrain.command import run

sys.exit(run_together(run, sys.argv[1:]))
