"""Training of world models from trajectories, apart from any agent."""
