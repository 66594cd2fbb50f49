"""Rooms to be explored on foot, with doors, keys and boxes."""
