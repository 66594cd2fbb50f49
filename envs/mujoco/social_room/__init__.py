"""A room in which others do as they do, and one who looks at them."""
