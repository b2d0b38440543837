"""From files to episodes."""
