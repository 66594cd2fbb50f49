"""Images to learn from: sources, labels, and which of them are in which batch."""
