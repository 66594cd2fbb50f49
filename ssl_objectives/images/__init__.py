"""Images to learn from: sources, labels, and samplers of batches."""
