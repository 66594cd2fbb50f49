"""Small worlds whose latent is known: dots that move, before backgrounds."""
