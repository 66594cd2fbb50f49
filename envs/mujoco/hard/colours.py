"""Colours that are told apart by name: of pads, and of things that are carried."""

NAMES = ("red", "blue", "green", "yellow", "magenta", "cyan")
"""what they are called"""
COLOURS = (
    (0.9, 0.15, 0.15),
    (0.2, 0.35, 0.95),
    (0.2, 0.75, 0.25),
    (0.95, 0.85, 0.15),
    (0.85, 0.25, 0.85),
    (0.2, 0.85, 0.85),
)
"""red, green and blue of each"""
