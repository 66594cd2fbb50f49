"""Curiosity signals, under one interface, and how their rewards are scaled."""
