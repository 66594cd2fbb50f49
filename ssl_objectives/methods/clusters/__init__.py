"""Clustering methods: rows share clusters, prototypes or classes."""
