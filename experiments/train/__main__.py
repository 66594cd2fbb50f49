"""`python -m experiments.train`."""

import sys

from experiments.config.program import run_together
from experiments.train.command import run

sys.exit(run_together(run, sys.argv[1:]))
