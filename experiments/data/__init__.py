"""Sources of data by name, and the command that imports them."""
