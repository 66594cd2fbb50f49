"""Gymnasium envs as vector envs of ours: what they show, and how they act."""
