"""Dense methods: contrast of local features in feature maps."""
