"""Belief cores: a recurrent one (GRU), and a feed-forward one on stacked frames."""
