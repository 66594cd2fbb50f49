"""`curious train`: an agent in a world."""
