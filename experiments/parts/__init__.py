"""What commands can be told by name, where several take the same."""
