"""What a world model sees and imagines, as pictures."""
