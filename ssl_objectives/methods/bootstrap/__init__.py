"""Methods with a target that follows slowly, or is stopped; no negatives."""
