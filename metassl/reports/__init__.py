"""Tables and pictures of what runs have left behind."""
