"""What the guest does: two shell scripts, one after the other its first process.

Their variables in capitals are set by :func:`write_scripts`.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: How the exported file system is made, by its name on the command line.
EXPORT_FILE_SYSTEMS = {
    "tmpfs": "mount -t tmpfs -o size=128M export $EXPORT",
    "ext4": "make_ext4",
    # There is no room for more than seconds in inodes of 128 bytes.
    "ext4-whole-seconds": "make_ext4 -I 128",
}

# The root is the host's tree, and can only be read: an overlay on it becomes the root.
_ENTER = r"""
export PATH=$SYSTEM_PATH
mount -t proc proc /proc
mount -t tmpfs -o size=75% overlay $CONTROL/memory
mkdir $CONTROL/memory/upper $CONTROL/memory/work $CONTROL/memory/merged
modprobe -d $CONTROL/modules overlay
mount -t overlay overlay $CONTROL/memory/merged \
    -o lowerdir=/,upperdir=$CONTROL/memory/upper,workdir=$CONTROL/memory/work
mkdir -p $CONTROL/memory/merged/.host
cd $CONTROL/memory/merged && pivot_root . .host && exec /bin/sh $CONTROL/serve </dev/null
"""

# The server is started, the command is run, and the guest ends.
_SERVE = r"""
export PATH=$SYSTEM_PATH
cd /
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
umount -l /.host/proc; umount -l /.host; rmdir /.host 2>/dev/null
for directory in $CONTROL/shared "$@"; do
    mkdir -p "$directory"
    mount -t hostfs -o "$directory,sync" none "$directory"
done
mkdir -p /lib/modules
mount --bind $CONTROL/modules/lib/modules /lib/modules
hostname guest
ip link set lo up

modprobe -a nfs nfsv3 nfsv4 nfsd
mount -t tmpfs state /var/lib/nfs
mkdir -p /var/lib/nfs/sm /var/lib/nfs/sm.bak /var/lib/nfs/v4recovery /var/lib/nfs/nfsdcld
touch /var/lib/nfs/etab /var/lib/nfs/rmtab /var/lib/nfs/state
mkdir -p /run/rpcbind /run/rpc_pipefs $EXPORT
make_ext4() {
    modprobe -a loop ext4 2>/dev/null
    truncate -s 128M /run/disk
    mkfs.ext4 -q -F "$@" /run/disk
    mount -t ext4 -o loop /run/disk $EXPORT
}
eval "$MAKE_EXPORT"
chmod 1777 $EXPORT
mount -t nfsd nfsd /proc/fs/nfsd
mount -t rpc_pipefs rpc /run/rpc_pipefs
[ $HAS_DELEGATIONS = yes ] || echo 0 >/proc/sys/fs/leases-enable
rpcbind -w
nfsdcld
rpc.mountd --no-nfs-version 2 2>/dev/null || rpc.mountd
echo 10 >/proc/fs/nfsd/nfsv4leasetime
echo 10 >/proc/fs/nfsd/nfsv4gracetime
exportfs -i -o $EXPORT_OPTIONS 127.0.0.0/8:$EXPORT
rpc.nfsd 8
echo Y >/proc/fs/nfsd/v4_end_grace 2>/dev/null

cd "$WORKING_DIRECTORY"
sh $CONTROL/command </dev/null >$CONTROL/shared/stdout 2>$CONTROL/shared/stderr
echo $? >$CONTROL/shared/status.tmp
mv $CONTROL/shared/status.tmp $CONTROL/shared/status
sync -f $CONTROL/shared
umount $CONTROL/shared
poweroff -f 2>/dev/null || busybox poweroff -f
"""


def write_scripts(
    control: Path, values: Mapping[str, str], writable: list[str], command: list[str]
) -> None:
    """Write ``enter``, which the kernel starts, ``serve`` and ``command``.

    :param control: the directory that guest and host share.
    :param values: the variables of the scripts.
    :param writable: directories that the guest may write to on the host.
    :param command: what to run, with its environment: as the words of ``env``.
    """
    variables = "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    variables += f"CONTROL={shlex.quote(str(control))}\n"
    arguments = f"set -- {shlex.join(writable)}\n"
    for name, text in {
        "enter": variables + _ENTER,
        "serve": variables + arguments + _SERVE,
        "command": f"exec env -i {shlex.join(command)}\n",
    }.items():
        path = control / name
        path.write_text(f"#!/bin/sh\n{text}")
        path.chmod(0o755)
