"""What several test modules share: small tasks, learners and objectives, and checks of many of them."""
