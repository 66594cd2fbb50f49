"""Does a world model keep the contract? For our own tests, and for people's own."""
