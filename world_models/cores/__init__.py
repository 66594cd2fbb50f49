"""What turns latents into beliefs: a GRU, or stacked frames alone."""
