"""Networks of torchvision and timm for pictures, with or without the weights that they were trained to."""
