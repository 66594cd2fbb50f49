"""Planning with a world model: actions that bring a goal near, for B envs at once."""
