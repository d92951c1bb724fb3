"""Random edits of a real program, round after round: ``python -m benchmarks.soak``.

A project with everything that Python can load code from runs under ``reloader run``. Each
round edits it in some of the many ways editors, tools and people do, at random moments, and
ends when the program answers with what is on disk. The same seed makes the same edits.

From the bottom up: ``program`` and ``layout`` are the sample project, ``project`` its files on
disk, ``saves`` the ways of writing a file, ``edits`` and ``needless`` what is done in a round,
``plan`` the dice, ``session`` the running supervisor, ``restarts`` what its restarts were worth,
``rounds`` the soak itself, ``report`` its page.
"""
