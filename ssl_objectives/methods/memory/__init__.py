"""Methods with a memory: an entry for each image, or a queue of keys."""
