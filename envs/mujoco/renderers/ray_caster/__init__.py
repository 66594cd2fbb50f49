"""Our own renderer: rays into shapes, in torch alone, all worlds at once."""
