"""Evaluates representations: diagnostics without labels, probes with them."""
