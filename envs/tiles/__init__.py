"""Worlds drawn in tiles, on the device: mazes of rooms, and a key and a door."""
