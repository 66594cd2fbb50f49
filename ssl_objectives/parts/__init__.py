"""The small parts from which objectives are composed."""
