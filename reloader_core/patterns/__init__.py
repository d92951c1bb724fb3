"""Which files count: one glob dialect, gitignore's, for everything that names files.

- A pattern without a slash counts at any depth, one with a slash (other than at
  its end) starts at the root; ``name/`` is a directory with all that is in it;
  the last pattern that matches wins, ``!`` turns it around; and nothing below an
  excluded directory can be brought back.
- Beyond gitignore: ``./``, ``../`` and ``~/`` at the front mean what they mean in
  a shell, and an absolute path below the root is the same as one from the root.
- A path outside the root is matched by its absolute path.
"""

from __future__ import annotations

from reloader_core.patterns.extra_files import expand_extra_files
from reloader_core.patterns.filters import DEFAULT_EXCLUDES, ExcludeRules, PathFilter

__all__ = ["DEFAULT_EXCLUDES", "ExcludeRules", "PathFilter", "expand_extra_files"]
