"""ViZDoom: My Way Home, dense, sparse and very sparse; an optional extra."""
