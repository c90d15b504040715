"""The disk under the running daemon becomes read-only for real: ext4 after an error. As in test_bad_disk, where single calls fail: what
is in memory is served, no grant is spent that could not be stored, a successor is kept, status says so; and once a repaired copy of the
disk is mounted in its place the daemon goes on with that, without a restart.
"""
import unittest

from harness.bad_disk import ACCOUNT, LATENCY_MS, BadDiskCase
from harness.case import webroot_client
from harness.daemon import Daemon, DaemonError
from harness.loop_disk import LoopDisk
from harness.varlink import VarlinkError


class ReadOnlyDisk(BadDiskCase):
    def begin_on_disk(self, family: str) -> tuple[Daemon, LoopDisk]:
        daemon = Daemon(self.folder, webroot_client(self.sim, self.folder))
        disk = LoopDisk(daemon)
        self.addCleanup(disk.await_free)
        self.addCleanup(daemon.close)
        daemon.start()
        self.daemon = daemon
        self.enrol(daemon, ACCOUNT, family)
        return daemon, disk

    def well_again(self, daemon: Daemon, disk: LoopDisk) -> None:
        pid = daemon.process.pid if daemon.process else 0
        disk.replace()
        self.until("no alarm", lambda: not self.alarms(daemon), 30)
        self.assertEqual(pid, daemon.process.pid if daemon.process else 0)

    def ends_well(self, daemon: Daemon, disk: LoopDisk, family: str, before: list[int]) -> None:
        """The next renewal spends the next grant, once, and after a kill -9 it is on the new disk."""
        with daemon.admin() as admin:
            admin.call("RenewAccount", account=ACCOUNT)
        self.assertEqual(self.presented(family), [*before, len(before)])
        daemon.kill()
        disk.await_free()
        daemon.start()
        valid = self.sim.post("/valid", persona="webroot", token=self.get(daemon, ACCOUNT)["token"])
        self.assertEqual((valid["valid"], valid["n"]), (True, len(before) + 1))
        self.assertEqual(self.alarms(daemon), [])
        self.assertEqual(self.sim.check(), [])

    def test_at_the_intent(self) -> None:
        daemon, disk = self.begin_on_disk("ro-intent")
        before, token = self.presented("ro-intent"), self.get(daemon, ACCOUNT)["token"]
        disk.fail()
        for _ in range(3):
            with daemon.admin() as admin, self.assertRaises(VarlinkError):
                admin.call("RenewAccount", account=ACCOUNT)
        self.assertEqual(self.get(daemon, ACCOUNT)["token"], token)
        self.assertEqual(self.presented("ro-intent"), before, "a grant was spent though its intent could not be stored")
        self.assertEqual(self.status(daemon, ACCOUNT)["state"], "fresh")
        self.assert_red(daemon)
        self.well_again(daemon, disk)
        self.ends_well(daemon, disk, "ro-intent", before)

    def test_at_the_commit(self) -> None:
        daemon, disk = self.begin_on_disk("ro-commit")
        before, token = self.presented("ro-commit"), self.get(daemon, ACCOUNT)["token"]
        self.sim.switch("webroot", latency_ms=4 * LATENCY_MS)  # the disk fails within it
        with daemon.admin() as admin:
            self.begin_renewal(admin, "ro-commit")
            disk.fail()
            with self.assertRaises(VarlinkError) as told:
                admin.receive()
        self.assertIn("a new token is in hand but the store can't write it", told.exception.parameters["reason"])
        self.assert_red(daemon)
        self.assertEqual(self.get(daemon, ACCOUNT)["token"], token)
        self.assertEqual(self.presented("ro-commit"), [*before, len(before)])
        self.sim.switch("webroot", latency_ms=0)
        self.well_again(daemon, disk)
        self.until("the new token", lambda: self.get(daemon, ACCOUNT)["token"] != token)
        self.ends_well(daemon, disk, "ro-commit", [*before, len(before)])

    def test_a_start_on_a_read_only_disk_is_refused(self) -> None:
        daemon, disk = self.begin_on_disk("ro-start")
        token = self.get(daemon, ACCOUNT)["token"]
        daemon.kill()
        disk.await_free()
        daemon.prefix[4] = daemon.prefix[4].replace("-o loop,", "-o ro,loop,").replace("chmod", "true")
        with self.assertRaisesRegex(DaemonError, "[Rr]ead-only"):
            daemon.start()
        disk.await_free()
        disk.wrap("exec")
        daemon.start()
        self.assertEqual(self.get(daemon, ACCOUNT)["token"], token)


if __name__ == "__main__":
    unittest.main()
