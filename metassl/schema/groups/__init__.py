"""The keys of a config that belong to no class, a file a group."""
