"""A throw-away Linux with a real kernel NFS server and client, for one command.

``python -m tests.nfs.guest -- CMD`` runs it. The kernel is User-mode Linux: Debian's package
``user-mode-linux`` is a Linux that runs as a normal process. It needs no root, no ``/dev/kvm`` and
no image, and is up with an NFS server in some four seconds. Its root is the host's file tree, below
an overlay in memory: the same Python, the same checkout, the same paths, and nothing that the
command writes reaches the host, except in directories that are asked for (``--rw``).

Exit status: the command's; 124 when it took too long; 125 when the guest ended without one.

``packages``  the Debian packages that this needs
``scripts``   the two shell scripts that are the guest's first process
``machine``   runs the kernel, and ends it
``__main__``  the command line

What shaped it:

- The guest ends with ``poweroff``. On ``reboot`` User-mode Linux starts itself anew, for ever.
- Each process of the guest is one of the host, stopped and traced by the kernel's. Were only that
  one killed, the others would stay and hold its pipes open. So it has a session of its own, the
  whole group is killed, and who started it reaps orphans (``PR_SET_CHILD_SUBREAPER``).
- NFSv4 exports neither the host's tree nor an overlay: a tmpfs or an ext4 is made for it, with
  ``fsid=0``, so that it is the root of NFSv4. NFSv3 mounts it by its path.
- ``nfsdcld`` runs before ``rpc.nfsd``, which would wait a second for it and begin a period of
  grace. It looks for its pipe in ``/run/rpc_pipefs``.
- Lease and grace time of NFSv4 are set to ten seconds, before the server starts; one is refused.
- NFSv3 needs ``rpcbind`` and ``rpc.mountd``, and the option ``nolock``: there is no ``statd``.
- The directories that are shared with the host are mounted ``sync``, or what is written there
  would arrive when they are unmounted. What the host changes meanwhile may be seen late.
- Console descriptors must be pipes or terminals; the kernel's fails on files and ``/dev/null``.
- The guest's memory is a sparse file in ``/dev/shm``, which may be small in a container.
- It has one processor, 100 ticks per second, and file times that move every ten milliseconds.
"""

from __future__ import annotations

__all__ = ["EXPORT", "EXPORT_OPTIONS", "SOURCE_3", "SOURCE_4", "VARIABLE"]

#: Set in the guest, and nowhere else.
VARIABLE = "NFS_GUEST"

#: The exported directory, as the server sees it.
EXPORT = "/srv/nfs/export"

#: ``fsid=0`` makes it the root of NFSv4.
EXPORT_OPTIONS = "rw,async,no_root_squash,no_subtree_check,insecure,fsid=0"

#: What to mount, with NFSv3 and with NFSv4.
SOURCE_3 = f"127.0.0.1:{EXPORT}"
SOURCE_4 = "127.0.0.1:/"
