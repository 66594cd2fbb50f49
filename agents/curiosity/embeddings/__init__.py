"""Embeddings that signals have of their own: frozen, or trained by inverse dynamics."""
