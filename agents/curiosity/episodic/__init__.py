"""What is remembered of an episode in each env, and signals that pay by it."""
