"""What draws MuJoCo scenes: our ray caster, MuJoCo's own renderer, Warp's."""
