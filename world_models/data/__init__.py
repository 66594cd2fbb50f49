"""Data to learn from: past rollouts in a ring, and data sets on disk."""
