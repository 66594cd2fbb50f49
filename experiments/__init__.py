"""Configurations, commands, loops, logging; the only package that talks to people."""
