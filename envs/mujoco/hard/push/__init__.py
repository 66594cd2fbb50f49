"""Push a block onto a plate that holds the gate open."""
