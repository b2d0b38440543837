"""Where the runs of a sweep are done: processes of this machine, a Ray cluster, a Slurm cluster."""
