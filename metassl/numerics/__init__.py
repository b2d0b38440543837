"""Mathematics that knows no task: losses, distances, graphs, transport, derivatives."""
