"""Methods whose rows share clusters, prototypes or classes."""
