"""`check_curiosity`: does a signal keep the contract? For our tests and your own."""
