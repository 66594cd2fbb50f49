"""Methods that tell places of feature maps apart."""
