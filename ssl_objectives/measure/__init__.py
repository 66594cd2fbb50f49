"""What a representation is worth: diagnostics without labels, and probes with them."""
