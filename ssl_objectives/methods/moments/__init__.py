"""Methods that prevent collapse by statistics of the batch, without negatives."""
