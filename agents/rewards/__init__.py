"""Rewards learned from demonstrations, which need no world and no reward of its."""
