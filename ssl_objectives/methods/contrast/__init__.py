"""Contrastive methods: tell a positive from negatives in the batch."""
