"""Mutation testing: random changes of one place of the code, each of which the unit tests should notice."""
