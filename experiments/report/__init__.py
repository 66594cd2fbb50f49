"""`curious report`: what a set of runs shows, and how far it can be trusted."""
