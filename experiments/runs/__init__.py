"""What every run has: a folder, metrics, checkpoints, progress, an orderly end."""
