"""Views: several augmented copies of each image of a batch, and how they are made."""
