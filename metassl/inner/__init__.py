"""Inner optimisers: how the gradient of one task moves what adapts."""
