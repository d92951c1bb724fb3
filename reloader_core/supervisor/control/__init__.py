"""Answering those who ask a running supervisor; see ``reloader_core.control``."""
