"""A daemon whose state folder is an ext4 file system of its own: a file behind a loop device, mounted in a mount namespace that begins
and ends with the daemon. The kernel makes it read-only as it does after an error on the disk; nothing of it stays when the daemon ends.

A file system with files open for writing can't be remounted read-only (EBUSY), and after an error ext4 stays read-only until it is
unmounted: so a disk gets well again as it does for an operator, by a repaired copy that is mounted in its place.
"""
import os
import shutil
import subprocess
import time
import unittest
from pathlib import Path

from harness.daemon import Daemon

IMAGE_BYTES = 64 << 20  # sparse; room for what the audit leaves free (16 MiB) and for the ballast
ERRORS = "/sys/fs/ext4/{}/trigger_fs_error"


def _run(*command: str, codes: tuple[int, ...] = (0,)) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode in codes, f"{command}: {ran.returncode} {ran.stderr}"
    return ran.stdout.strip()


class LoopDisk:
    """Put in front of a daemon before it starts. Raises SkipTest where the machine has no such thing."""

    def __init__(self, daemon: Daemon) -> None:
        if os.geteuid() != 0 or not all(map(shutil.which, ("mkfs.ext4", "e2fsck", "losetup", "nsenter"))):
            raise unittest.SkipTest("needs root, e2fsprogs and util-linux")
        self.daemon, self.number = daemon, 0
        self.image = daemon.folder / "disk-0"
        with open(self.image, "wb") as file:
            file.truncate(IMAGE_BYTES)
        _run("mkfs.ext4", "-q", "-F", str(self.image))
        self.wrap("exit")
        if subprocess.run([*daemon.prefix, "true"], capture_output=True, check=False).returncode != 0:
            raise unittest.SkipTest("no right to mount a loop device here")
        self.wrap("exec")

    def wrap(self, end: str) -> None:
        """The folder's place is taken before the daemon runs; nobody outside sees it."""
        state = self.daemon.state_dir
        check = "exec" if end == "exec" else f'test -w {ERRORS.format("$(basename $(findmnt -n -o SOURCE {}))".format(state))} || exit 1; exec'
        self.daemon.prefix = ["unshare", "-m", "sh", "-c", f'mount -o loop,errors=remount-ro "{self.image}" "{state}" && '
                              f'chmod 700 "{state}" && {check} "$@"', "sh"]

    def inside(self, *command: str, codes: tuple[int, ...] = (0,)) -> str:
        assert self.daemon.process is not None
        return _run("nsenter", "-t", str(self.daemon.process.pid), "-m", *command, codes=codes)

    def fail(self) -> None:
        device = self.inside("findmnt", "-n", "-o", "SOURCE", str(self.daemon.state_dir))
        Path(ERRORS.format(Path(device).name)).write_text("a test\n")
        self.inside("sh", "-c", f'! touch "{self.daemon.state_dir}/more"')

    def replace(self) -> None:
        """A copy, repaired, in the place of what failed. The daemon runs on."""
        self.number += 1
        copy = self.image.with_name(f"disk-{self.number}")
        _run("cp", "--sparse=always", str(self.image), str(copy))
        _run("e2fsck", "-fy", str(copy), codes=(0, 1))
        self.inside("umount", "-l", str(self.daemon.state_dir))
        self.inside("mount", "-o", "loop,errors=remount-ro", str(copy), str(self.daemon.state_dir))
        self.image = copy
        self.wrap("exec")

    def is_free(self) -> bool:
        """The namespace of the daemon that ended is gone, and with it the mount."""
        return not _run("losetup", "-j", str(self.image))

    def await_free(self) -> None:
        end = time.monotonic() + 10
        while not self.is_free():
            assert time.monotonic() < end, f"{self.image} is still mounted"
            time.sleep(0.01)
