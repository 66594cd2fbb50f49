"""Data to learn from: a replay buffer of past rollouts, and data sets on disk."""
