"""Loads the agent while the interpreter starts, and leaves no trace of it.

Python's ``site`` imports whatever is called ``sitecustomize`` first on
``sys.path``. This one may be met by any Python the user's command line happens
to start, so the syntax is what Python 2 and 3 have in common.
"""

import os
import sys

_directory = os.path.dirname(os.path.abspath(__file__))

# First of all what the program could see. Also without the variable: a
# sub-interpreter gets its sys.path anew from the main interpreter's PYTHONPATH.
_request = os.environ.pop("_RELOADER_AGENT", None)
_paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
if _directory in _paths:
    _paths.remove(_directory)
    if _paths or (_request or "").split(",")[3:4] == ["empty"]:
        os.environ["PYTHONPATH"] = os.pathsep.join(_paths)
    else:
        del os.environ["PYTHONPATH"]

if _request is not None and sys.version_info >= (3, 8):
    try:
        import _reloader_agent  # type: ignore[import-not-found]  # next to this file

        _reloader_agent.activate(_request)
    except Exception:
        # The program must run, with or without us.
        pass
elif _request is not None:
    # Too old for the agent. Closed descriptors tell the supervisor so.
    for _field in _request.split(",")[:2]:
        try:
            os.close(int(_field))
        except (OSError, ValueError):
            pass

while _directory in sys.path:
    sys.path.remove(_directory)
sys.path_importer_cache.pop(_directory, None)

# Make room for the one that would have been found without us. When there is
# none, this raises the very ImportError that `site` expects then. The import
# lock of a module can be taken again by the thread that holds it. Python 2
# would wipe our globals without the reference.
_this = sys.modules.pop("sitecustomize", None)
import sitecustomize  # type: ignore[import-not-found]  # noqa: F401 - whichever is next
