"""One account of a daemon whose disk a test can break (at_syscall), at a provider that ends the family of a grant used twice."""
from typing import Any

from harness.at_syscall import CHANGES, SYNCS, WRITES, AtSyscall
from harness.case import BrokerCase, webroot_client
from harness.daemon import Daemon
from harness.varlink import Varlink

FAULTS = {  # name: (errno, the calls that fail)
    "disk full": ("ENOSPC", WRITES),
    "read-only": ("EROFS", WRITES + CHANGES),
    "I/O error": ("EIO", WRITES + SYNCS),
    "failed sync": ("EIO", SYNCS),
}
ACCOUNT = "shop/main"
LATENCY_MS = 150  # room to break the disk between the request and its reply


class BadDiskCase(BrokerCase):
    def setUp(self) -> None:
        super().setUp()
        self.sim.switch("webroot", latency_ms=0, latency_after_ms=0, old_rt="revoke_family", access_lifetime_s=299)

    def broker(self, family: str) -> tuple[Daemon, AtSyscall]:
        """A daemon with one account, under a tracer. Its provider answers a used grant with the end of the family."""
        daemon = Daemon(self.folder, webroot_client(self.sim, self.folder))
        self.addCleanup(daemon.close)
        tracer = AtSyscall(daemon)
        self.addCleanup(tracer.close)
        daemon.start()
        self.daemon = daemon
        tracer.attach()
        self.enrol(daemon, ACCOUNT, family)
        return daemon, tracer

    def presented(self, family: str) -> list[int]:
        return [shown["n"] for shown in self.family(family)["presentations"]]

    def alarms(self, daemon: Daemon) -> list[str]:
        with daemon.admin() as admin:
            return list(admin.call("GetStatus", accounts=[ACCOUNT])["daemon"]["alarms"])

    def assert_red(self, daemon: Daemon) -> None:
        """The command shows an alarm that says what is wrong and what to do."""
        shown = self.cli("status").out
        alarm = next((line for line in shown.splitlines() if line.startswith("ALARM")), "")
        self.assertIn("the store can't write", alarm, shown + daemon.log()[-2000:])
        self.assertRegex(alarm, "free the disk|free some disk space|look at the disk|writable", alarm)

    def renewed_after(self, daemon: Daemon, family: str, before: list[int]) -> None:
        """The next renewal presents the next grant, once; after a kill -9 the new one is there."""
        with daemon.admin() as admin:
            admin.call("RenewAccount", account=ACCOUNT)
        self.assertEqual(self.presented(family), [*before, len(before)])
        daemon.kill()
        daemon.start()
        token = self.get(daemon, ACCOUNT)["token"]
        valid = self.sim.post("/valid", persona="webroot", token=token)
        self.assertEqual((valid["valid"], valid["n"]), (True, len(before) + 1))
        self.assertEqual(self.alarms(daemon), [])

    def begin_renewal(self, admin: Varlink, family: str) -> None:
        since = self.sim.state()["last_seq"]
        admin.send("RenewAccount", {"account": ACCOUNT})
        self.assertTrue(self.sim.wait(persona="webroot", account=family, since=since, timeout_s=10)["enough"])
