"""Watching its files: the change source, the look at the disk, and the thread that does both."""
