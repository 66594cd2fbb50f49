"""Published methods, each a short composition of parts."""
