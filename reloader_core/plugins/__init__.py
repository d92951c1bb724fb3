"""Plugins: finding them, loading them one by one, and calling them so that none can end us."""
