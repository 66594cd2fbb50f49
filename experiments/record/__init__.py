"""`curious record`: what a policy sees and does, as a data set."""
