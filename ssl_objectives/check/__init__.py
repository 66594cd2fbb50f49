"""Does an objective keep the contract? For our own tests, and for people's own."""
