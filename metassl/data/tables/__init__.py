"""Tables: files of rows and columns, of which one column names classes.

`reading/` makes a frame of a file, `columns` finds out what each column is, `target` which class a row has,
and `encoding` makes numbers of the rest. `table` prepares one file for the store and `folder` several; the
`sampler` draws tasks within a table, by a `spec`, and `self_made` makes tasks where there are no labels.
"""
