"""What a world model's latents tell of the truth."""
