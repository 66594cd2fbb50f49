"""Prediction in hindsight: with a code of what nobody could have known."""
