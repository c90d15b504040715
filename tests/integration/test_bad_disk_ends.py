"""The disk, or a row on it, is broken when something ends: a refusal, a candidate, a renewal whose row is damaged. What
could not be stored is stored later, without a restart, and nothing untrue is said of a grant meanwhile.
"""
import sqlite3
import unittest

from harness.at_syscall import SYNCS, WRITES
from harness.bad_disk import ACCOUNT, LATENCY_MS, BadDiskCase
from harness.daemon import Daemon
from harness.varlink import VarlinkError


class BadDiskEnds(BadDiskCase):
    def renewal_fails(self, daemon: Daemon) -> str:
        with daemon.admin() as admin, self.assertRaises(VarlinkError) as told:
            admin.call("RenewAccount", account=ACCOUNT)
        return str(told.exception.parameters["reason"])

    def revoke(self, family: str) -> None:
        self.sim.post("/revoke", persona="webroot", account=family)

    def test_an_intent_that_was_in_doubt_counts_once(self) -> None:
        daemon, tracer = self.broker("doubt")
        tracer.fail("EIO", daemon.state_dir, *SYNCS)
        self.renewal_fails(daemon)
        self.assertGreater(tracer.heal(), 0)
        self.revoke("doubt")
        self.assertNotIn("lost_rotation", self.renewal_fails(daemon))  # it was never sent before
        status = self.status(daemon, ACCOUNT)
        self.assertEqual(status["state"], "login_required")
        self.assertNotIn("lost_rotation", status["reason"])

    def test_a_refusal_is_stored_when_the_disk_is_well_again(self) -> None:
        daemon, tracer = self.broker("refusal")
        self.revoke("refusal")
        self.sim.switch("webroot", latency_ms=LATENCY_MS)
        with daemon.admin() as admin:
            self.begin_renewal(admin, "refusal")
            tracer.fail("ENOSPC", daemon.state_dir, *WRITES)
            with self.assertRaises(VarlinkError):
                admin.receive()
        self.assertEqual(self.status(daemon, ACCOUNT)["state"], "login_required")
        sent = self.presented("refusal")
        self.assertGreater(tracer.heal(), 0)
        self.until("it is stored", lambda: "its state is stored now" in daemon.log())
        daemon.kill()
        daemon.start()
        self.assertEqual(self.status(daemon, ACCOUNT)["state"], "login_required")
        self.assertEqual(self.presented("refusal"), sent, "a refused grant was sent again")

    def test_a_candidate_that_could_not_be_removed_is_not_in_the_way(self) -> None:
        daemon, tracer = self.broker("old")
        bad = self.sim.seed("webroot", family="bad")["refresh_token"]
        self.revoke("bad")
        self.sim.switch("webroot", latency_ms=LATENCY_MS)
        with daemon.admin() as admin:
            since = self.sim.state()["last_seq"]
            admin.send("AddAccount", {"account": ACCOUNT, "secrets": {"refresh_token": bad}, "replace": True})
            self.assertTrue(self.sim.wait(persona="webroot", account="bad", since=since, timeout_s=10)["enough"])
            tracer.fail("ENOSPC", daemon.state_dir, *WRITES)
            with self.assertRaises(VarlinkError):
                admin.receive()
        self.assertGreater(tracer.heal(), 0)
        good = self.sim.seed("webroot", family="good")["refresh_token"]
        with daemon.admin() as admin:
            self.assertTrue(admin.call("AddAccount", account=ACCOUNT, secrets={"refresh_token": good}, replace=True)["proved"])
        token = self.get(daemon, ACCOUNT)["token"]
        self.assertTrue(self.sim.post("/valid", persona="webroot", token=token)["valid"])

    def test_a_damaged_row_drops_no_successor(self) -> None:
        daemon, _ = self.broker("damaged")
        self.sim.switch("webroot", latency_ms=LATENCY_MS)
        database = sqlite3.connect(daemon.state_dir / "tokenbroker.db", isolation_level=None)
        self.addCleanup(database.close)
        with daemon.admin() as admin:
            self.begin_renewal(admin, "damaged")
            database.execute("UPDATE account SET reason = 'from outside'")
            with self.assertRaises(VarlinkError) as told:
                admin.receive()
        self.assertIn("a new token is in hand", told.exception.parameters["reason"])
        self.assertEqual(len(self.alarms(daemon)), 1)
        database.execute("UPDATE account SET reason = ''")
        self.until("no alarm", lambda: not self.alarms(daemon))
        self.sim.switch("webroot", latency_ms=0)
        self.renewed_after(daemon, "damaged", self.presented("damaged"))


if __name__ == "__main__":
    unittest.main()
