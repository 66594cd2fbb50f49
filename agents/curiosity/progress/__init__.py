"""Learning progress: reward what old weights of a model predict worse than new ones."""
