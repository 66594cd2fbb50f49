"""MuJoCo's own renderer, one world after the other."""
