"""Worlds of MuJoCo: physics of many worlds at once, and what draws them."""
