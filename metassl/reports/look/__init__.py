"""One run on one page, to see what its learner does: tasks, features, errors, probabilities.

`gathered` asks the trained learner, `figures` draws, `page` lays it out.
"""
