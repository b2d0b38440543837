"""A head for tables: a network that has met many of them weighs and corrects what plain classifiers say."""
