"""Memory footprint in bytes: what a plan takes, what there is, what networks need."""
