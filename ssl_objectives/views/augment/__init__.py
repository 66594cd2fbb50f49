"""Augmentations of batches of images and clips, on the device where these are."""
