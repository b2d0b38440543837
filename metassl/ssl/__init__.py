"""What unlabelled examples are worth."""
