"""Bootstrap methods: an EMA or stop-gradient target, and no negatives."""
