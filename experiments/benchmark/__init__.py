"""`curious benchmark`: how fast this machine trains, beside what else it could run."""
