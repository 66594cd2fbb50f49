"""Configurations, commands, loops, logging; the only package that talks to people."""

import os

# Idle OpenMP threads would spin, and take the cores that emulator threads need. Read
# once, when torch is first imported; a value that the user has set is left alone.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
