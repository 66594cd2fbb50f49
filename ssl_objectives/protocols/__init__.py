"""Published ways to measure an encoder, beside the fast ridge and k-NN."""
