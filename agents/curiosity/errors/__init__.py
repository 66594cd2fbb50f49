"""Errors of predictions beside what is expected of them, and signals that pay by it."""
