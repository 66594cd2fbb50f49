"""MuJoCo Warp's batch renderer, an optional extra."""
