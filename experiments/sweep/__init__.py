"""`curious sweep`: a grid of runs, gone on with after anything."""
