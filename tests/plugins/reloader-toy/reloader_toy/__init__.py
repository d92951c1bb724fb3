"""A third-party package: one backend, one plugin that works and one that does not."""
