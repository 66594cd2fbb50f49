"""Tasks of several steps in a hall with a gate, paid for once, at the end."""
