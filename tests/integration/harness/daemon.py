"""The real tokenbrokerd as a child: its state, config and sockets in one folder, its log in a file there.

start() returns when the daemon has said READY=1; kill() is kill -9; stop() is SIGTERM and a clean end. The state
folder stays between starts, so that a restart finds what the last run stored.
"""
import contextlib
import fcntl
import os
import re
import select
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from harness.paths import binary
from harness.sanitizer import kind, patient
from harness.varlink import Varlink

READY_LIMIT_S, STOP_LIMIT_S = patient(30.0), patient(45.0)
END_LIMIT_S = 5.0  # for a clean end that nobody waits for: most take milliseconds, with an exchange in flight it may be long
# What a sanitizer writes to the log: its find fails the test, also where the daemon's end is what the test expects. (Under CTest it
# writes into files, which tests/sanitizer/run.py looks for; then this is for who runs a test by hand.)
SANITIZER = re.compile(r"((ERROR|WARNING|FATAL): (Address|Leak|Thread|UndefinedBehavior)Sanitizer|: runtime error:).*")


class DaemonError(Exception):
    pass


class Daemon:
    def __init__(self, folder: Path, clients: str, *, top: str = "", hand_in_sockets: bool = False,
                 names: str = "tokens:admin", admin_mode: int = 0o600, wrap: tuple[str, ...] = ()) -> None:
        """clients: the [clients.*] and [[access]] sections; top: more keys of the file's top level; names, admin_mode: of the sockets
        handed in; wrap: a command to run it by, such as unshare."""
        self.folder = folder
        self.config = folder / "tokenbroker.toml"
        self.state_dir = folder / "state"
        self.log_file = folder / "daemon.log"
        self.tokens_socket, self.admin_socket = str(folder / "tokens.sock"), str(folder / "admin.sock")
        self.hand_in_sockets = hand_in_sockets
        self.names, self.admin_mode = names, admin_mode
        self.top = top
        self.prefix: list[str] = [*wrap]  # a command that starts the daemon in its place, as at_syscall does
        self.process: subprocess.Popen[bytes] | None = None
        self.listeners: list[socket.socket] = []
        self.state_dir.mkdir(mode=0o700, exist_ok=True)
        self.write_config(clients)

    def write_config(self, clients: str) -> None:
        self.config.write_text(f'state_dir = "{self.state_dir}"\ntokens_socket = "{self.tokens_socket}"\n'
                               f'admin_socket = "{self.admin_socket}"\n{self.top}\n{clients}')

    # -- life --
    def start(self, *, wait: bool = True) -> None:
        assert self.process is None, "it runs already"
        ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        path = self.folder / "notify.sock"
        path.unlink(missing_ok=True)
        ready.bind(str(path))
        command = [*self.prefix, binary("tokenbrokerd"), "--config", str(self.config)]
        environment = {**os.environ, "NOTIFY_SOCKET": str(path)}
        handed: list[int] = []
        if self.hand_in_sockets:
            handed = self._listeners()
            # bash, because only the process itself knows the LISTEN_PID it will have.
            one, two = handed
            script = f'exec 3<&{one} 4<&{two} {one}<&- {two}<&-; LISTEN_PID=$$ exec "$@"'
            command = ["bash", "-c", script, "bash", *command]
            environment |= {"LISTEN_FDS": "2", "LISTEN_FDNAMES": self.names}
        with open(self.log_file, "ab") as log, ready:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                                            pass_fds=handed)
            if wait:
                self._await_ready(ready)

    def _listeners(self) -> list[int]:
        """Sockets that this process owns, as systemd does: they outlive the daemon."""
        if not self.listeners:
            for path, mode in ((self.tokens_socket, 0o666), (self.admin_socket, self.admin_mode)):
                sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                sock.bind(path)
                os.chmod(path, mode)
                sock.listen(128)
                # Out of the way of 3 and 4, where the daemon will find them.
                self.listeners.append(socket.socket(fileno=fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD_CLOEXEC, 50)))
                sock.close()
        return [sock.fileno() for sock in self.listeners]

    def _await_ready(self, ready: socket.socket) -> None:
        assert self.process is not None
        until = time.monotonic() + READY_LIMIT_S
        while time.monotonic() < until:
            if select.select([ready], [], [], 0.1)[0] and b"READY=1" in ready.recv(4096):
                return
            if self.process.poll() is not None:
                code, self.process = self.process.returncode, None
                self._check_sanitizer()
                raise DaemonError(f"tokenbrokerd ended with {code}:\n{self.log()[-2000:]}")
        raise DaemonError(f"tokenbrokerd was not ready after {READY_LIMIT_S} s:\n{self.log()[-2000:]}")

    def kill(self) -> None:
        """kill -9: no warning, no clean-up."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None
        self._check_sanitizer()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self.process is not None
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_LIMIT_S)
            self._check_sanitizer()
            return code
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise DaemonError(f"tokenbrokerd did not stop within {STOP_LIMIT_S} s:\n{self.log()[-2000:]}") from None

    def _check_sanitizer(self) -> None:
        if found := SANITIZER.search(log := self.log()):
            raise DaemonError(log[max(0, found.start() - 200):found.start() + 6000])

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        """The end of a test: whatever state it is in."""
        if self.process is not None and kind() and not self.prefix:  # leaks are looked for at a clean end alone
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(END_LIMIT_S)
        if self.process is not None:
            self.kill()
        for listener in self.listeners:
            listener.close()

    def run_with(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Another tokenbrokerd with the same config and these options; for --check, and for starts that must fail."""
        return subprocess.run([binary("tokenbrokerd"), "--config", str(self.config), *options], capture_output=True,
                              text=True, timeout=patient(30), check=False)

    # -- talking --
    def tokens(self, timeout_s: float = 30.0) -> Varlink:
        return Varlink(self.tokens_socket, "io.tokenbroker.tokens", timeout_s)

    def admin(self, timeout_s: float = 60.0) -> Varlink:
        return Varlink(self.admin_socket, "io.tokenbroker.admin", timeout_s)

    def statuses(self) -> list[dict[str, Any]]:
        """Of all accounts: the daemon ends a page where its turn ends, on a busy machine after any account."""
        found: list[dict[str, Any]] = []
        with self.admin() as admin:
            page = admin.call("GetStatus")
            while found.extend(page["accounts"]) or page.get("next"):
                page = admin.call("GetStatus", after=page["next"])
        return found

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""
