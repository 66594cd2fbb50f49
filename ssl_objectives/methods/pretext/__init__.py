"""Pretext tasks: rotation, augmentation parameters, reconstruction."""
