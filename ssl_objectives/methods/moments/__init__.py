"""Methods that keep rows apart by statistics of the batch."""
