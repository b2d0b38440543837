"""One run on one page, to see what its learner does: tasks, features, errors, probabilities.

`asked` and `gathered` ask the trained learner, `figures` draws, `of_tasks` and `page` lay it out.
"""
