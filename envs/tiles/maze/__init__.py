"""The pixel maze: rooms, doors and keys."""
