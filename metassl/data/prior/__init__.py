"""Tables that nobody has measured: drawn from families of causes and clusters, as many as are asked for."""
