"""AtariARI's protocol: what of a game's memory can be read off an encoder's latents."""
