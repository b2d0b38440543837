"""Meta semi-supervised learning: meta-learners and semi-supervised objectives that compose."""
