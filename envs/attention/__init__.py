"""A gaze amid four quadrants, in each of which something else goes on."""
