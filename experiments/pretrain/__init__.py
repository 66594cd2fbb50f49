"""`curious pretrain`: an encoder of images."""
