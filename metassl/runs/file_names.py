"""The names of the files in a run's folder."""

CONFIG = "config.yaml"  # the whole config, resolved
TASK = "task.json"  # what tasks the learner was built for, and what their inputs are like
ENCODER = "encoder.safetensors"  # the network that made vectors of its pictures, where one did
ABOUT = "run.json"  # choices, seed, overrides, and where the run comes from
STATUS = "status.json"  # how it stands or ended
CURVES = "metrics.csv"  # what was logged, a row a step
RESULTS = "results.json"  # the summary of the meta-test
EPISODES = "episodes.parquet"  # a row a test episode
CHECKPOINTS = "checkpoints"  # a folder
SAID = "output.txt"  # what a run of many has said
TRACE = "error.txt"  # the trace of an error that is not the user's
SEARCH = "search.json"  # what a search leaves in its folder about itself
