"""What the sampler draws an episode with: random numbers, labels, U, and whether there is enough."""
