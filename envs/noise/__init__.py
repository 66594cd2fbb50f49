"""Noise for any world: what lies between an agent and what it is meant to see."""
