"""Bring the thing that is asked for, and no other, to a pedestal."""
