"""Arrays in npz and HDF5 files, whichever frame an action belongs to there."""
