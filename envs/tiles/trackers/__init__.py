"""Five rooms in a row with four trackers, blocks in doors, and things that move."""
