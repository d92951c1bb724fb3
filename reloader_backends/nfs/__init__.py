"""The ``nfs`` backend: asks the server, for file systems that others change as well.

The kernel tells nobody of what another machine wrote, and an NFS client answers ``stat``
from a cache for up to a minute. So the server itself is asked, in the way and in the
order in which it has to be; and a server that does not answer stops nothing but the news
from it.

``sync``    what a path is on its server
``ways``    which directories have to be asked for before
``crew``    the threads that ask, which a server may keep
``share``   one mount: what is watched there, and the rhythm of its looks
``source``  joins the mounts
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from attrs import validators

from reloader_backends.nfs.share import Pace
from reloader_backends.nfs.source import NfsSource
from reloader_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from reloader_core.model import OpenRequest

__all__ = ["NfsSource", "Options", "open_change_source"]


_POSITIVE = validators.and_(validators.gt(0.0), validators.lt(float("inf")))


@attrs.frozen(kw_only=True)
class Options:
    """``[tool.reloader.nfs]``.

    :ivar interval: seconds between two looks at everything; the general ``interval`` if unset.
    :ivar max_interval: seconds that a file waits for its turn at most, when nothing has
        changed for some minutes.
    :ivar concurrency: the most requests that are under way at a time, for each mount.
    :ivar timeout_seconds: a server that takes longer is said not to answer.
    """

    interval: float | None = attrs.field(default=None, validator=validators.optional(_POSITIVE))
    max_interval: float = attrs.field(default=5.0, validator=_POSITIVE)
    concurrency: int = attrs.field(default=8, validator=[validators.ge(1), validators.le(128)])
    timeout_seconds: float = attrs.field(default=5.0, validator=_POSITIVE)


@hookimpl
def open_change_source(request: OpenRequest) -> NfsSource:
    """Open a source that asks the servers every ``interval`` seconds."""
    options = request.options or Options()
    interval = options.interval or request.interval
    pace = Pace(
        interval=interval,
        max_interval=max(interval, options.max_interval),
        concurrency=options.concurrency,
        timeout_seconds=options.timeout_seconds,
    )
    return NfsSource(pace, notify=request.notify)
