"""A model of objects in groups: a small network for each, told which can be seen."""
