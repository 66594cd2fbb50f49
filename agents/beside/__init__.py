"""A world model and signals beside somebody else's agent: they watch, pay and learn."""
