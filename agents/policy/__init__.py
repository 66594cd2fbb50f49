"""Policy and value heads (actor-critic), advantages (GAE) and PPO."""
