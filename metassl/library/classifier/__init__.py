"""A meta-learner as a classifier of scikit-learn: a table, some of whose rows have a label, and an answer.

`estimator` is the door. It reads labels (`labels`) and rows (`cells`, `rows`), leaves out what is more than a
model reads (`context`), takes a model of its own or a trained one (`default_model`, `trained`) and asks it
(`answering`). `folds` divides labelled rows, `comparison` judges the answers beside those of scikit-learn's
(`rivals`), and `labelling` does the whole with a file.
"""
