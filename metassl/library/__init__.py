"""Meta semi-supervised learning in a notebook: the same learners, tasks and training as the command's.

Arrays become tasks, names become a learner, which is trained, judged, and asked about a task of one's own:

>>> import metassl
>>> x, y = metassl.dataset("glyphs", split="test")
>>> train, val, test = metassl.episodes(x, y, way=5, shot=1, unlabelled=5, queries=5).split_classes()
>>> learner = metassl.learner("protonet", ssl="soft_kmeans", task=train.task, options={"ssl.start": 0.3})
>>> history = metassl.fit(learner, train, steps=24)
>>> twin = metassl.learner("protonet", task=train.task)  # the same training without unlabelled items
>>> history = metassl.fit(twin, train, steps=24)
>>> result = metassl.evaluate(learner, test, count=24, twin=twin)
>>> print(result)
24 tasks: 5-way 1-shot, 5 unlabelled and 5 queries a class, ...; accuracy in %, mean ± 95% interval
  with unlabelled examples          ... ± ...
  their twin: trained without them  ... ± ...
  what they are worth (paired)      +... ± ...  (CI ...)
  this learner, deprived of them    ... ± ...
  a guess that knows no input       20.0
>>> result.score.mean > 0.4, result.gain.mean > 0
(True, True)

A task whose new items nobody has labelled:

>>> one, other = (x[y == letter] for letter in test.classes[:2])
>>> task = metassl.task([one[0], other[0]], ["one", "other"], [*one[1:10], *other[1:10]])
>>> probabilities = metassl.predict(learner, task, [*one[10:], *other[10:]])
>>> probabilities.shape, task.classes
((20, 2), ['one', 'other'])
>>> bool((probabilities.argmax(1) == [0] * 10 + [1] * 10).mean() > 0.6)
True

A learner is also made of objects, `metassl.HeadLearner(backbone).attach(metassl.SSLTerm(objective))`; what
`fit`, `evaluate` and `predict` do with one that has names, they do with any `metassl.MetaLearner`.
"""
