"""A world model's training step beside its floor and beside another library's."""
