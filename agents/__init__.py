"""Policies, PPO and curiosity: everything that turns a model's loss into behaviour."""
