"""`check_objective`: does an objective keep the contract? For our tests and yours."""
