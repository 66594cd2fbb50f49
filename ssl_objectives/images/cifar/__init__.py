"""CIFAR-10 and CIFAR-100, from the files that their authors publish."""
