"""Training state on disk: one file, checked when read, and which files are kept."""
