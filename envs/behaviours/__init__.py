"""What objects and actors do among themselves, in a box of their own."""
