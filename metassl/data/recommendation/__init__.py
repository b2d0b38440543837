"""Recommendation: a task is a user, of whom a few ratings are known.

`places` finds the published files and `editions` reads them into `parsed`, which the store keeps; `content`
makes numbers of what is known of items and users. `division` says what training may see, `inputs` what a row
consists of, and the `sampler` draws a user's support, queries and unrated items by a `spec`. `movielens` and
`tastes` are the sources, both with `tasks` as what makes their tasks.
"""
