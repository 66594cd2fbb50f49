"""An agent whose policy acts apart from the world model; both learn from a replay."""
