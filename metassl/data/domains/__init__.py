"""Tasks between domains: labelled examples of one or several, queries and unlabelled examples of another.

`contents` brings the classes that several domains share into one array; `files`, `office_caltech` and
`glyphs` say where they come from. `roles` says which domains a split takes its tasks from, `sampler` draws
them by a `spec`.
"""
