"""What PR_SET_DUMPABLE alone does: a process of the daemon's own uid, without CAP_SYS_PTRACE, can't look into it.

Each attempt must succeed against a process of that uid that has not asked for it, so that nothing else on this machine is what refuses
it (where something else does, Yama for one, that attempt is skipped with the reason), and fail as soon as that process has.
"""
import os
import shutil
import unittest
from pathlib import Path

from harness.actor import PYTHON, Actor
from harness.case import DaemonCase
from harness.daemon import Daemon
from harness.paths import binary

UID = 4713 if os.geteuid() == 0 else os.geteuid()
CAP_SYS_PTRACE = 1 << 19
CONFIG = '[clients.models]\nprovider = "threekit"\nenvironment = "preview"\n'
PROBE = r'''
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = libc.syscall.argtypes = [ctypes.c_long] * 4
def call(function, *arguments):
    got = function(*arguments)
    if got < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return got
def mem(pid):
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", buffering=0) as image:
        image.seek(int(maps.readline().split("-")[0], 16))
        assert image.read(4) == b"\x7fELF"
def environ(pid):
    with open("/proc/%d/environ" % pid, "rb") as environment:
        assert b"=" in environment.read()
def descriptors(pid):
    assert os.readlink("/proc/%d/fd/%s" % (pid, os.listdir("/proc/%d/fd" % pid)[0]))
def attach(pid):
    call(libc.ptrace, 16, pid, 0, 0)
    os.waitpid(pid, 0x40000000)
    call(libc.ptrace, 17, pid, 0, 0)
def take_descriptor(pid):
    process = os.pidfd_open(pid)
    try:
        os.close(call(libc.syscall, 438, process, 0, 0))
    finally:
        os.close(process)
def attempts(pid):
    """What each brings: empty if it succeeded, else the kernel's words."""
    told = {}
    for attempt in (mem, environ, descriptors, attach, take_descriptor):
        try:
            attempt(pid)
            told[attempt.__name__] = ""
        except OSError as error:
            told[attempt.__name__] = os.strerror(error.errno)
    return told
'''


def status(pid: int, key: str) -> list[str]:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(key + ":"):
            return line.split()[1:]
    return []


class Undumpable(DaemonCase):
    def serve_as_that_uid(self) -> int:
        """The daemon's pid. Its program is a copy: the folder of the build may be closed to that uid."""
        program = str(self.folder / "program")
        shutil.copy(binary("tokenbrokerd"), program)
        os.chmod(program, 0o755)
        self.folder.chmod(0o755)
        daemon = self.daemon = Daemon(self.folder, CONFIG)
        self.addCleanup(daemon.close)
        before = os.umask(0)  # so that it may tell that it is ready
        self.addCleanup(os.umask, before)
        if os.geteuid() == 0:
            for path in (self.folder, daemon.state_dir):
                os.chown(path, UID, UID)
            daemon.prefix = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--inh-caps=-all"]
        daemon.prefix += ["sh", "-c", 'shift; exec "$0" "$@"', program]
        daemon.start()
        assert daemon.process is not None
        return daemon.process.pid

    def actor(self) -> Actor:
        actor = Actor(PYTHON, uid=UID)
        self.addCleanup(actor.close)
        return actor

    def test_a_process_of_the_same_uid_can_not_look_into_the_daemon(self) -> None:
        pid = self.serve_as_that_uid()
        spy, control = self.actor(), self.actor()
        spy.do(PROBE)
        for one in (pid, spy.pid, control.pid):
            self.assertEqual(status(one, "Uid"), [str(UID)] * 4)
            # More privileges than the spy has would keep it out, too.
            self.assertEqual(status(one, "CapPrm"), status(spy.pid, "CapPrm"))
        if int(status(spy.pid, "CapEff")[0], 16) & CAP_SYS_PTRACE:
            self.skipTest("this user may look into any process")
        open_control = spy.do("out = attempts(pid)", pid=control.pid)
        control.do("import ctypes\nout = ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)")
        closed_control = spy.do("out = attempts(pid)", pid=control.pid)
        of_daemon = spy.do("out = attempts(pid)", pid=pid)
        self.assertEqual(set(open_control), {"mem", "environ", "descriptors", "attach", "take_descriptor"})
        for attempt, words in open_control.items():
            with self.subTest(attempt):
                if words:
                    self.skipTest(f"something else refuses it on this machine: {words}")
                self.assertIn(closed_control[attempt], ("Permission denied", "Operation not permitted"))
                self.assertIn(of_daemon[attempt], ("Permission denied", "Operation not permitted"))
        assert self.daemon is not None
        with self.daemon.admin() as admin:
            self.assertEqual(admin.call("GetStatus")["daemon"]["pid"], pid, "and it goes on")


if __name__ == "__main__":
    unittest.main()
