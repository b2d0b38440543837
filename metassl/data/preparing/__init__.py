"""What sources and the store use to prepare a data set: download, progress, room on the disk, checks."""
