"""How a run is described: config trees, their JSON, their flags, and parts by name."""
