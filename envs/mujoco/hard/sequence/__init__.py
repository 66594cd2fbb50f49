"""Remember a sequence of colours, and walk over pads in its order."""
