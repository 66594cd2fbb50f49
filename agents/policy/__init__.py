"""Policies, advantages and the learner."""
