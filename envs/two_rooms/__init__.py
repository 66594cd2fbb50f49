"""Two rooms, a wall between them with a door, and a dot that is to get to a goal."""
