"""Self-supervised objectives, encoders and targets; knows no env, action or reward."""
