"""Fashion-MNIST: the images, where they are looked for, and how to get them."""
