"""A local process that does what a test says: under a uid, groups, program and namespaces of its own, it connects and asks for tokens.

An Actor runs this file's CHILD text by `PROGRAM -I -c`, as another user; do() sends it a line of Python and returns what that leaves in
`out`. The program is a copy of the interpreter, so that access rules on the executable have different files to tell apart.
"""
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

# Debian's own: other users can run it, and a copy of it finds its library.
PYTHON = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable

CHILD = r'''
import ctypes, json, os, socket, sys, time
def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(path)
    return s
def receive(s):
    data = b""
    while not data.endswith(b"\0"):
        try:
            part = s.recv(65536)
        except ConnectionResetError:
            part = b""
        if not part:
            return {"error": "x.Closed"}
        data += part
    return json.loads(data[:-1].split(b"\0")[-1])
def ask(s, method, more=False, **parameters):
    s.sendall(json.dumps({"method": method, "parameters": parameters, "more": more}).encode() + b"\0")
    return receive(s)
def get(s, account):
    """The token, or the error's short name."""
    r = ask(s, "io.tokenbroker.tokens.GetToken", account=account)
    return r["parameters"]["token"]["token"] if "error" not in r else r["error"].rsplit(".", 1)[-1]
def fresh(path, account):
    with connect(path) as s:
        return get(s, account)
def become(program, s):
    """Goes on as another program, with the connection `s`."""
    s.set_inheritable(True)
    code = sys.orig_argv[3].removesuffix("loop()\n") + "s = socket.socket(fileno=%d)\ns.settimeout(20)\nloop()\n" % s.fileno()
    print("null", flush=True)
    os.execv(program, [program, "-I", "-c", code])
def loop():
    names = globals()
    for line in sys.stdin:
        names["out"] = None
        exec(json.loads(line), names)
        print(json.dumps(names["out"]), flush=True)
'''


class Actor:
    def __init__(self, program: str = PYTHON, *, uid: int, gid: int | None = None, groups: tuple[int, ...] = (),
                 wrap: tuple[str, ...] = (), as_root: bool = True) -> None:
        """wrap: a command before it, such as unshare; as_root: the wrapper runs as root and the ids are taken inside, else as the uid."""
        def become() -> None:
            if 0 != os.geteuid() == uid:
                return  # who is not root can be nobody else
            os.setgroups(groups)
            os.setresgid(*[uid if gid is None else gid] * 3)
            os.setresuid(uid, uid, uid)
        inside = bool(wrap) and as_root
        code = CHILD
        if inside:
            code += f"os.setgroups({list(groups)})\nos.setresgid(*[{uid if gid is None else gid}] * 3)\nos.setresuid(*[{uid}] * 3)\n"
        self.process = subprocess.Popen([*wrap, program, "-I", "-c", code + "loop()\n"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=None if inside else become)

    @property
    def pid(self) -> int:
        return self.process.pid

    def do(self, code: str, **values: Any) -> Any:
        """Runs the code there with these values as variables; what it leaves in `out`."""
        assert self.process.stdin is not None and self.process.stdout is not None
        lines = "".join(f"{name} = {value!r}\n" for name, value in values.items()) + code + "\n"
        self.process.stdin.write(json.dumps(lines) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the actor ended ({self.process.wait()}) over: {code}"
        return json.loads(line)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except BrokenPipeError:
                pass


def interpreter(path: Path) -> str:
    """A copy of the interpreter: a program with an identity of its own."""
    shutil.copyfile(os.path.realpath(PYTHON), path)
    path.chmod(0o755)
    return str(path)


def fork_with_pid(pid: int, uid: int, command: list[str]) -> bool:
    """A child of ours with just this pid (clone3's set_tid), running the command as this uid. False: the pid is taken."""
    wanted = (ctypes.c_int32 * 1)(pid)
    arguments = (ctypes.c_uint64 * 11)(0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, ctypes.addressof(wanted), 1, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    got = libc.syscall(ctypes.c_long(435), ctypes.byref(arguments), ctypes.c_size_t(ctypes.sizeof(arguments)))
    if got == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.execv(command[0], command)
        finally:
            os._exit(127)
    return got == pid
