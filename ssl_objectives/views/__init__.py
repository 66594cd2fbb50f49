"""Views: several changed copies of each image of a batch, and how they are made."""
