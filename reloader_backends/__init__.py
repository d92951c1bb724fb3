"""The backends that come with the project, one per file."""
