"""`curious evaluate`: how well an agent plays, beside random play."""
