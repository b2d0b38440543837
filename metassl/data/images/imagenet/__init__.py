"""ImageNet's few-shot subsets, in the layouts that people have."""
