"""Where the trajectories of a world model come from."""
