"""The disk fails under the real daemon while it renews: full, read-only, I/O errors and failed syncs, at the intent and at
the second commit. What is in memory is served, no grant is spent that could not be stored, a successor is never dropped,
status says so, and when the disk is well again no restart is needed.

The system calls that fail are those of the real daemon on files of its state folder (at_syscall).
"""
import time
import unittest
from typing import Any

from harness.bad_disk import ACCOUNT, FAULTS, LATENCY_MS, BadDiskCase
from harness.varlink import VarlinkError

WATCHED_S = 0.8  # while the disk is broken: several tries of the commit fall into it


class BadDisk(BadDiskCase):
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
