"""The Debian packages that the guest is made of, and which are missing."""

from __future__ import annotations

import os
import shutil
import sys

#: A program that is looked for, and the package that brings it.
_PROGRAMS = {
    "linux.uml": "user-mode-linux",
    "rpc.nfsd": "nfs-kernel-server",
    "exportfs": "nfs-kernel-server",
    "mount.nfs": "nfs-common",
    "rpcbind": "rpcbind",
    "modprobe": "kmod",
    "ip": "iproute2",
    "busybox": "busybox-static",
    "mkfs.ext4": "e2fsprogs",
}

#: Where programs are that only root calls; not on everybody's PATH.
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


def why_not() -> str | None:
    """Why no guest can be booted here, ``None`` if one can."""
    if sys.platform != "linux":
        return "the guest needs Linux"
    path = os.pathsep.join([os.environ.get("PATH", ""), SYSTEM_PATH])
    missing = {package for name, package in _PROGRAMS.items() if not shutil.which(name, path=path)}
    return f"install these packages: {' '.join(sorted(missing))}" if missing else None
