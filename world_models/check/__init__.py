"""`check_model`: does a world model keep the contract? For our tests and your own."""
