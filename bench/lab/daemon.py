"""The daemon that is measured: the real tokenbrokerd with a config, a state folder and sockets of its own."""
from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Sequence

from lab.processes import Failed

if TYPE_CHECKING:
    from lab.context import Context

CLIENT = "bench"
READY_LIMIT_S = 120.0


def default_config(folder: Path, caller_uid: int) -> str:
    """One client whose provider nobody answers for (its tokens are fresh), and the rule that lets our caller in."""
    secret = folder / "client.secret"
    secret.write_text("cs_test_bench_1\n")
    secret.chmod(0o600)
    return (f'[clients.{CLIENT}]\nprovider = "webroot"\nbase_url = "https://127.0.0.1:1"\n'
            f'client_id = "client_bench@example.com"\nclient_secret = {{ file = "{secret}" }}\nscopes = ["ecom.shop"]\n\n'
            f'[[access]]\naccounts = ["{CLIENT}/*"]\nallow = ["uid:{caller_uid}"]\n')


def provider_config(folder: Path, caller_uid: int, port: int, ca_file: Path) -> str:
    """One OAuth2 client at bench/tls_provider, and the same rule."""
    secret = folder / "client.secret"
    secret.write_text("cs_test_bench_1\n")
    secret.chmod(0o600)
    return (f'[clients.{CLIENT}]\nprovider = "oauth2"\nbase_url = "https://127.0.0.1:{port}"\ntoken_url = "/token"\n'
            f'client_id = "bench"\nclient_secret = {{ file = "{secret}" }}\nca_file = "{ca_file}"\n\n'
            f'[[access]]\naccounts = ["{CLIENT}/*"]\nallow = ["uid:{caller_uid}"]\n')


class Daemon:
    def __init__(self, context: "Context", folder: Path, state: Path | None, *, cpus: Sequence[int] | None, config: str | None,
                 top: str, wrapper: Sequence[str]) -> None:
        self.context, self.folder, self.cpus, self.wrapper = context, folder, cpus, list(wrapper)
        self.tokens_socket, self.admin_socket = str(folder / "tokens.sock"), str(folder / "admin.sock")
        self.state = folder / "state"
        if state is None:
            self.state.mkdir(mode=0o700)
        else:
            shutil.copytree(state, self.state)
            self.state.chmod(0o700)
        self.config = folder / "tokenbroker.toml"
        sections = default_config(folder, context.caller_uid) if config is None else config
        self.config.write_text(f'state_dir = "{self.state}"\ntokens_socket = "{self.tokens_socket}"\n'
                               f'admin_socket = "{self.admin_socket}"\n{top}\n{sections}')
        self.process: subprocess.Popen[str] | None = None
        self.ready_s = 0.0  # from fork to READY=1

    @property
    def pid(self) -> int:
        """Of the daemon; of what it runs under, if there is a wrapper."""
        assert self.process is not None
        return self.process.pid

    def start(self, environment: dict[str, str] | None = None) -> "Daemon":
        path = self.folder / "notify.sock"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as ready:
            ready.bind(str(path))
            begin = time.monotonic()
            command = [*self.wrapper, str(self.context.bin / "tokenbrokerd"), "--config", str(self.config)]
            self.process = self.context.processes.start(command, cpus=self.cpus,
                                                        env={**os.environ, **(environment or {}), "NOTIFY_SOCKET": str(path)})
            while not (select.select([ready], [], [], 0.05)[0] and b"READY=1" in ready.recv(4096)):
                if self.process.poll() is not None or time.monotonic() - begin > READY_LIMIT_S:
                    raise Failed(f"tokenbrokerd is not ready: {self.log()}")
            self.ready_s = time.monotonic() - begin
        return self

    def pin_brain(self, cpu: int) -> None:
        """The brain thread alone; TLS and the store may run anywhere."""
        os.sched_setaffinity(self.pid, [cpu])

    def log(self) -> str:
        return "" if self.process is None else self.context.processes.log_of(self.process)

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None and self.process in self.context.processes.running:
            self.context.processes.stop(self.process, how)
        self.process = None

    def __enter__(self) -> "Daemon":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- looking at it --
    def memory_kib(self, key: str = "Rss") -> int:
        """Rss, Pss, Private_Dirty ... of /proc/PID/smaps_rollup (which root alone can read: the daemon is not dumpable)."""
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1])
        raise Failed(f"no {key} in smaps_rollup")

    def cpu_s(self) -> float:
        """User and system time of all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def call(self, method: str, timeout_s: float = 60.0, **parameters: Any) -> dict[str, Any]:
        """One Varlink call to the admin socket (or the tokens socket for its methods); the reply's parameters."""
        tokens = method in ("GetToken", "ReportRejected", "ListAccounts")
        interface = "io.tokenbroker.tokens" if tokens else "io.tokenbroker.admin"
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(timeout_s)
            stream.connect(self.tokens_socket if tokens else self.admin_socket)
            stream.sendall(json.dumps({"method": f"{interface}.{method}", "parameters": parameters}).encode() + b"\0")
            got = bytearray()
            while not got.endswith(b"\0"):
                part = stream.recv(1 << 20)
                if not part:
                    raise Failed(f"{method}: the daemon closed the connection: {self.log()}")
                got += part
        reply = json.loads(got[:-1])
        if "error" in reply:
            raise Failed(f"{method}: {reply}")
        return dict(reply.get("parameters", {}))
