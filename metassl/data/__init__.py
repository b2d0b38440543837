"""From files to meta-batches of episodes; nothing here knows Lightning or a learner.

A source (`arrays`, `images/`) reads files of one kind, and says which classes are train, val and test
(`class_splits`, `splits/`). The `store` prepares what it reads once and maps it into memory ever after
(`preparing/`). A `pool` is the classes of one split. Of it the `sampler` draws, by a `spec`, the rows that
make up each episode (`drawing/`); the `builder` makes tensors of them, with random `views` of what is
unlabelled; `task_stream` hands them out, a meta-batch at a time.
"""
