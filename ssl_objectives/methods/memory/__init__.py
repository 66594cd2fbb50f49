"""Methods with a memory bank (an entry per image) or a queue of keys."""
