"""A page for a person with a folder of pictures: one click labels a picture, and the classifier adapts again.

`by_hand` keeps the labels on disk, `usefulness` says which pictures come first, `session` joins them with the
classifier, `app` is the page over HTTP, and `server` runs it on this machine alone.
"""
