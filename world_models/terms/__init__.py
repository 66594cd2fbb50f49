"""What a world model may learn beside its predictions."""
