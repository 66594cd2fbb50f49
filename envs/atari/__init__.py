"""Atari games: the configuration, two frame-identical backends, the protocols."""
