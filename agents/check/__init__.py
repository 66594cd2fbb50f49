"""Does a curiosity signal keep the contract? For our tests, and for people's own."""
