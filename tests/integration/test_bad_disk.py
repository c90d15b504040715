"""The disk fails under the real daemon while it renews: full, read-only, I/O errors and failed syncs, at the intent and at
the second commit. What is in memory is served, no grant is spent that could not be stored, a successor is never dropped,
status says so, and when the disk is well again no restart is needed.

The system calls that fail are those of the real daemon on files of its state folder (at_syscall).
"""
import time
import unittest
from typing import Any

from harness.at_syscall import CHANGES, SYNCS, WRITES, AtSyscall
from harness.case import BrokerCase, webroot_client
from harness.daemon import Daemon
from harness.varlink import Varlink, VarlinkError

FAULTS = {  # name: (errno, the calls that fail)
    "disk full": ("ENOSPC", WRITES),
    "read-only": ("EROFS", WRITES + CHANGES),
    "I/O error": ("EIO", WRITES + SYNCS),
    "failed sync": ("EIO", SYNCS),
}
ACCOUNT = "shop/main"
LATENCY_MS = 150  # room to break the disk between the request and its reply
WATCHED_S = 1.2  # while the disk is broken: several tries of the commit fall into it


class BadDisk(BrokerCase):
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

    def at_the_intent(self, fault: str, family: str) -> None:
        error, calls = FAULTS[fault]
        daemon, tracer = self.broker(family)
        before, token = self.presented(family), self.get(daemon, ACCOUNT)["token"]
        tracer.fail(error, daemon.state_dir, *calls)
        for _ in range(3):
            with daemon.admin() as admin, self.assertRaises(VarlinkError):
                admin.call("RenewAccount", account=ACCOUNT)
        self.assertEqual(self.get(daemon, ACCOUNT)["token"], token)
        self.assertEqual(self.presented(family), before, "a grant was spent though its intent could not be stored")
        self.assertEqual(self.status(daemon, ACCOUNT)["state"], "fresh")
        self.assert_red(daemon)
        self.assertGreater(tracer.heal(), 0, "nothing failed")
        self.until("no alarm", lambda: not self.alarms(daemon))  # though nothing is to be committed
        self.renewed_after(daemon, family, before)
        self.assertNotIn("lost_rotation", daemon.log())

    def begin_renewal(self, admin: Varlink, family: str) -> None:
        since = self.sim.state()["last_seq"]
        admin.send("RenewAccount", {"account": ACCOUNT})
        self.assertTrue(self.sim.wait(persona="webroot", account=family, since=since, timeout_s=10)["enough"])

    def at_the_commit(self, fault: str, family: str) -> None:
        error, calls = FAULTS[fault]
        daemon, tracer = self.broker(family)
        before, token = self.presented(family), self.get(daemon, ACCOUNT)["token"]
        self.sim.switch("webroot", latency_ms=LATENCY_MS)
        with daemon.admin() as admin:
            self.begin_renewal(admin, family)
            tracer.fail(error, daemon.state_dir, *calls)
            with self.assertRaises(VarlinkError) as told:
                admin.receive()
            self.assertIn("a new token is in hand but the store can't write it", told.exception.parameters["reason"])
            self.assert_red(daemon)
            end = time.monotonic() + WATCHED_S
            while time.monotonic() < end:
                self.assertEqual(self.get(daemon, ACCOUNT)["token"], token)
                time.sleep(0.05)
            self.assertEqual(self.presented(family), [*before, len(before)], "spent again while its successor waits")
            self.assertGreater(tracer.heal(), 0, "nothing failed")
        self.until("no alarm", lambda: not self.alarms(daemon))
        self.sim.switch("webroot", latency_ms=0)
        self.assertNotEqual(self.get(daemon, ACCOUNT)["token"], token)
        self.renewed_after(daemon, family, [*before, len(before)])

    def judged(self) -> list[dict[str, Any]]:
        return list(self.sim.check())


def cell(fault: str, at: str) -> Any:
    def test(self: BadDisk) -> None:
        family = f"{fault}-{at}".replace(" ", "-").replace("/", "-")
        getattr(self, f"at_the_{at}")(fault, family)
        self.assertEqual(self.judged(), [])
    return test


for one in FAULTS:
    for where in ("intent", "commit"):
        setattr(BadDisk, f"test_{one}_at_the_{where}".replace(" ", "_").replace("/", "_").replace("-", "_"), cell(one, where))


if __name__ == "__main__":
    unittest.main()
