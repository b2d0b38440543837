"""miniImageNet and tieredImageNet, in the layouts in which they are spread."""
