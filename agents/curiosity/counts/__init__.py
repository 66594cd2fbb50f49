"""Counts of what was seen: what is counted, tables of counts, and what they pay."""
