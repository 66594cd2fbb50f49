"""Latent dynamics over `[T, B]`: beliefs, open-loop prediction, targets, replay."""
