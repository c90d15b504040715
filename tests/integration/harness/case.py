"""Test cases: for each test a folder and (when started) a daemon; BrokerCase has a simulator for its class as well."""
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any, Callable

from harness.cli import Ran, run
from harness.daemon import Daemon
from harness.sanitizer import patient
from harness.sim import Simulator

LOG_SHOWN = 6_000  # characters: what led to a failure, and no more than a CI page holds
CLIENT_ID, CLIENT_SECRET = "client_Test@example.com", "cs_test_webroot_1"


def webroot_client(sim: Any, folder: Path, name: str = "shop", more: str = "", port: int = 0) -> str:
    """A client section of the Webroot persona. The client secret is in a file."""
    secret = folder / f"{name}.secret"
    secret.write_text(CLIENT_SECRET + "\n")
    secret.chmod(0o600)
    url = f"https://localhost:{port}" if port else sim.url("webroot")
    return (f'[clients.{name}]\nprovider = "webroot"\nbase_url = "{url}"\nclient_id = "{CLIENT_ID}"\n'
            f'client_secret = {{ file = "{secret}" }}\nscopes = ["ecom.shop"]\nca_file = "{sim.ca_file}"\n{more}\n')


def threekit_client(sim: Any, name: str = "models", more: str = "") -> str:
    return (f'[clients.{name}]\nprovider = "threekit"\nbase_url = "{sim.url("threekit")}"\n'
            f'ca_file = "{sim.ca_file}"\n{more}\n')


class DaemonCase(unittest.TestCase):
    """For each test a folder and (when started) a daemon."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tb-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.daemon: Daemon | None = None

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        self._result = result
        return super().run(result)

    def begin(self, clients: str, **options: Any) -> Daemon:
        """A started daemon, ended with the test. Its log is shown when the test has failed."""
        daemon = Daemon(self.folder, clients, **options)
        self.addCleanup(self._show_log, daemon)  # runs after close, whose words are in it too
        self.addCleanup(daemon.close)
        daemon.start()
        self.daemon = daemon
        return daemon

    def _show_log(self, daemon: Daemon) -> None:
        found = [] if self._result is None else [*self._result.failures, *self._result.errors]
        if any(getattr(case, "test_case", case) is self for case, _ in found):  # a subtest's case is its test_case
            print(f"--- {self.id()}: the daemon's log ends ---\n{daemon.log()[-LOG_SHOWN:]}", file=sys.stderr)

    def status(self, daemon: Daemon, account: str) -> dict[str, Any]:
        with daemon.admin() as admin:
            return dict(admin.call("GetStatus", accounts=[account])["accounts"][0])

    def get(self, daemon: Daemon, account: str, **wish: Any) -> dict[str, Any]:
        with daemon.tokens() as tokens:
            return dict(tokens.call("GetToken", account=account, **wish)["token"])

    def cli(self, *arguments: str, stdin: str = "") -> Ran:
        assert self.daemon is not None
        return run(self.daemon.tokens_socket, *arguments, stdin=stdin)

    def until(self, what: str, holds: Callable[[], Any], timeout_s: float = 15.0) -> Any:
        """Polls until it holds; the value."""
        timeout_s = patient(timeout_s)
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if value := holds():
                return value
            time.sleep(0.02)
        log = self.daemon.log()[-3000:] if self.daemon else ""
        self.fail(f"not within {timeout_s} s: {what}\n--- daemon's log ---\n{log}")


class BrokerCase(DaemonCase):
    """One simulator a class. Subclasses set simulator_options."""
    simulator_options: tuple[str, ...] = ()
    sim: Any

    @classmethod
    def setUpClass(cls) -> None:
        cls.sim = Simulator(*cls.simulator_options)
        cls.addClassCleanup(cls.sim.stop)

    def setUp(self) -> None:
        super().setUp()
        self.sim.post("/clear")

    def family(self, name: str) -> dict[str, Any]:
        return dict(self.sim.family(name))

    def enrol(self, daemon: Daemon, account: str, family: str, **more: Any) -> dict[str, Any]:
        """A new family of refresh tokens at the simulator, enrolled as an account. The AddAccount reply."""
        seeded = self.sim.seed("webroot", family=family)
        with daemon.admin() as admin:
            return admin.call("AddAccount", account=account, secrets={"refresh_token": seeded["refresh_token"]}, **more)

    def assert_no_secrets(self, where: str, text: str) -> None:
        """No secret that the simulator knows stands in the text."""
        for secret in self.sim.ask("GET", "/secrets"):
            self.assertNotIn(secret["value"], text, f"{secret['label']} in {where}")
