"""Methods that predict something else about an image."""
