"""What a row measures with: the programs, a scratch folder, daemons with accounts, the floor server, redis, the load generator.

    with context.daemon(accounts=1000) as daemon:            # started, READY, 1000 fresh accounts, a uid rule for our caller
        loaded = context.load(daemon.tokens_socket, connections=64, accounts=1000, seconds=1.0)
    loaded["per_s"], loaded["p50_us"], loaded["errors"] ...

Everything that is started here ends with the row at the latest, and the scratch folder with the run.
"""
from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Sequence

from lab.daemon import CLIENT, Daemon
from lab.processes import Failed, Processes, cpu_ns

# Of a caller that is neither root nor the daemon, so that each hand-out is decided by the rule that names it.
CALLER_UID = 31_999
REPLY_BYTES = 1_200  # of the floor, and redis' values


class Context:
    def __init__(self, bin_folder: Path, tools: Path, scratch: Path, rounds: int, quick: bool) -> None:
        self.bin, self.tools, self.scratch, self.rounds, self.quick = bin_folder, tools, scratch, rounds, quick
        self.processes = Processes(scratch)
        self.caller_uid = CALLER_UID if os.geteuid() == 0 else os.geteuid()
        cpus = sorted(os.sched_getaffinity(0))
        self.server_cpu, self.client_cpu = cpus[0], cpus[-1]  # one and the same where there is only one
        self.cpus = cpus
        self._serial = 0
        self._filled: dict[tuple[Any, ...], Path] = {}

    # -- folders and programs --
    def folder(self, name: str) -> Path:
        """A new folder that other uids can pass through to a socket, but not list."""
        self._serial += 1
        path = self.scratch / f"{self._serial:03d}-{name}"
        path.mkdir(mode=0o711)
        return path

    def tool(self, name: str) -> str:
        path = self.tools / name
        if not path.exists():
            raise Failed(f"{path} is not there; run bench/run without --bin and --tools, which builds it")
        return str(path)

    def seconds(self, full: float) -> float:
        """How long one load of one round takes."""
        return min(full, 0.2) if self.quick else full

    # -- the daemon --
    def filled(self, accounts: int, token_bytes: int = 1024, lifetime_s: int = 86_400, age_s: int = 0,
               provider: str = "webroot") -> Path:
        """A state folder with that many accounts CLIENT/u0000000.. and sealed tokens, made once a run. Copy it, don't use it."""
        key = (accounts, token_bytes, lifetime_s, age_s, provider)
        if key not in self._filled:
            state = self.folder("filled") / "state"
            state.mkdir(mode=0o700)
            self.processes.run([self.tool("make_store"), "--state", str(state), "--client", CLIENT, "--provider", provider,
                                "--accounts", str(accounts), "--token-bytes", str(token_bytes), "--lifetime-s", str(lifetime_s),
                                "--age-s", str(age_s)],
                               timeout_s=600)
            self._filled[key] = state
        return self._filled[key]

    def daemon(self, accounts: int = 1, *, token_bytes: int = 1024, cpus: Sequence[int] | None = None, config: str | None = None,
               top: str = "", start: bool = True, wrapper: Sequence[str] = (), **fill: Any) -> Daemon:
        """A daemon with fresh accounts of the client `bench` (nobody answers at its provider) and a rule for self.caller_uid.
        config: other [clients.*] and [[access]] sections than those. wrapper: a command that it runs under (strace, valgrind)."""
        state = self.filled(accounts, token_bytes, **fill) if accounts else None
        daemon = Daemon(self, self.folder("daemon"), state, cpus=cpus, config=config, top=top, wrapper=wrapper)
        if start:
            daemon.start()
        return daemon

    # -- peers --
    def server(self, argv: Sequence[str], path: Path, *, cpus: Sequence[int] | None = None) -> "Server":
        """A server that listens at `path` when it is ready."""
        return Server(self.processes, argv, path, cpus)

    def floor_server(self, *, cpus: Sequence[int] | None = None, reply_bytes: int = REPLY_BYTES) -> "Server":
        path = self.folder("floor") / "floor.sock"
        return self.server([self.tool("bench_floor"), "--socket", str(path), "--reply-bytes", str(reply_bytes)], path, cpus=cpus)

    def redis_server(self, keys: int = 1, *, cpus: Sequence[int] | None = None, value_bytes: int = REPLY_BYTES) -> "Server | None":
        """redis-server with keys named as the accounts, or None where it isn't installed."""
        program = shutil.which("redis-server")
        if program is None:
            return None
        folder = self.folder("redis")
        path = folder / "redis.sock"
        server = self.server([program, "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "777", "--save", "",
                              "--appendonly", "no", "--dir", str(folder)], path, cpus=cpus)
        self.processes.run([self.tool("bench_load"), "--socket", str(path), "--protocol", "resp", "--fill", str(keys),
                            "--value-bytes", str(value_bytes)])
        return server

    # -- load --
    def load(self, path: str | Path, *, protocol: str = "varlink", connections: int = 1, depth: int = 1, accounts: int = 1,
             seconds: float | None = None, requests: int | None = None, warmup_s: float = 0.1, cpu: int | None = None,
             timeout_s: float = 120.0) -> dict[str, Any]:
        """One load; what bench_load printed: requests, errors, seconds, per_s, p50_us, p99_us, max_us. Errors fail the row.
        accounts > 1: each request names one of them at random. cpu: default the clients' one."""
        done = self.processes.run_json(self.load_command(path, protocol=protocol, connections=connections, depth=depth,
                                                         accounts=accounts, seconds=seconds, requests=requests,
                                                         warmup_s=warmup_s, cpu=cpu), timeout_s=timeout_s)
        if done["errors"]:
            raise Failed(f"{done['errors']} of {done['requests']} replies were wrong: {done['first_error']}")
        return done

    def load_server(self, server: "Server | Daemon", protocol: str, **load: Any) -> dict[str, Any]:
        """As load(), of a server of ours; cpu_us is the CPU time that the server spent on one request (with warm-up)."""
        assert server.process is not None
        before = cpu_ns(server.process.pid)
        path = server.tokens_socket if isinstance(server, Daemon) else server.path
        done = self.load(path, protocol=protocol, warmup_s=0.0, **load)
        return {**done, "cpu_us": (cpu_ns(server.process.pid) - before) / done["requests"] / 1e3}

    def load_command(self, path: str | Path, *, protocol: str = "varlink", connections: int = 1, depth: int = 1,
                     accounts: int = 1, seconds: float | None = None, requests: int | None = None, warmup_s: float = 0.1,
                     cpu: int | None = None) -> list[str]:
        argv = [self.tool("bench_load"), "--socket", str(path), "--protocol", protocol, "--connections", str(connections),
                "--depth", str(depth), "--accounts", str(accounts), "--prefix", f"{CLIENT}/u",
                "--cpu", str(self.client_cpu if cpu is None else cpu)]
        if os.geteuid() == 0:
            argv += ["--uid", str(self.caller_uid)]
        if requests is not None:
            return [*argv, "--requests", str(requests)]
        return [*argv, "--run-us", str(int((self.seconds(1.0) if seconds is None else seconds) * 1e6)),
                "--warmup-us", str(int(warmup_s * 1e6))]

    def interleaved(self, lanes: dict[str, Callable[[], Any]]) -> dict[str, list[Any]]:
        """Each lane once a round, in turn, so that what the machine does meanwhile hits all of them; results by lane."""
        found: dict[str, list[Any]] = {name: [] for name in lanes}
        for number in range(self.rounds):
            names = list(lanes)
            for name in names if number % 2 == 0 else reversed(names):
                found[name].append(lanes[name]())
        return found


class Server:
    """A process that listens on a Unix socket; ended with the `with`."""

    def __init__(self, processes: Processes, argv: Sequence[str], path: Path, cpus: Sequence[int] | None) -> None:
        self.processes, self.path = processes, path
        self.process: subprocess.Popen[str] = processes.start(argv, cpus=cpus)
        until = time.monotonic() + 10
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > until:
                raise Failed(f"{argv[0]} does not listen: {processes.log_of(self.process)}")
            time.sleep(0.01)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as attempt:
            return attempt.connect_ex(str(self.path)) == 0

    def close(self) -> None:
        if self.process in self.processes.running:
            self.processes.stop(self.process)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
