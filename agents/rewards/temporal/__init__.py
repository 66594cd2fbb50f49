"""Embeddings of frames that follow time: time contrast, VIP, cycles between videos."""
