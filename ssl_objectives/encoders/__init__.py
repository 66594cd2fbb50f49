"""Encoders from images to latents, heads behind them, and decoders to pixels."""
