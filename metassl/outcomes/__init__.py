"""What a task asks for."""
