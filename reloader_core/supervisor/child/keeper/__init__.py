"""The keeper: a small process between the supervisor and the program (Linux).

It spawns the program, waits for it, and ends all that the program has started. It is
the *subreaper* of them (``prctl(2)``): whatever loses its parent, in any process group
or session, becomes its child, so nothing can get away. When the supervisor dies, also by
SIGKILL, the keeper notices and ends them all.

``main`` is what runs in it, ``host`` the supervisor's end of it, ``messages`` what they
say to each other, ``process_tree`` what ``/proc`` knows of processes.
"""
