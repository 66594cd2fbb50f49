"""What draws MuJoCo scenes, all worlds at once: our ray caster, MuJoCo's own, Warp's."""
