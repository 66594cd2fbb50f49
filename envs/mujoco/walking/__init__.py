"""Parts of worlds to walk in: a walker, boxes that it pushes, a television."""
