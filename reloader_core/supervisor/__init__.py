"""The parent process: one loop that owns plugins, watching, decisions and the program."""
