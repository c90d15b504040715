"""What the broker does by itself when a provider misbehaves: replays, waits, deadlines. The class of each fault is test_fault_matrix."""
import signal
import time
import unittest
from typing import Any

from harness.case import BrokerCase, webroot_client
from harness.varlink import VarlinkError


class ProviderFaults(BrokerCase):
    number = 0

    def setUp(self) -> None:
        super().setUp()
        self.sim.switch("webroot", old_rt="grace", grace_s=600, access_lifetime_s=299, latency_ms=0)
        self.sim.post("/forget")

    def enrolled(self) -> str:
        """A fresh account in a fresh daemon (its breaker and backoff know nothing yet)."""
        type(self).number += 1
        self.sim.post("/clear")
        self.name = f"fault-{self.number}"
        if self.daemon is None:
            self.begin(webroot_client(self.sim, self.folder, more='policy = "ahead"'))
        else:
            self.daemon.restart()  # a clean stop: a kill loses the answer under way, and its grant is rightly sent again
        assert self.daemon is not None
        self.enrol(self.daemon, f"shop/{self.name}", self.name)
        return f"shop/{self.name}"

    def renew(self, account: str) -> str:
        """"" for success, else the class of the failure."""
        assert self.daemon is not None
        try:
            with self.daemon.admin() as admin:
                admin.call("RenewAccount", account=account, timeout_ms=8000)
        except VarlinkError as error:
            self.assertEqual(error.short, "RenewalFailed", error)
            self.assertIn(account, error.parameters["account"])
            return str(error.parameters["class"])
        return ""

    def served(self, account: str) -> None:
        """The token in hand is still handed out, whatever happened to the renewal."""
        assert self.daemon is not None
        token = self.get(self.daemon, account)["token"]
        self.assertTrue(self.sim.post("/valid", persona="webroot", token=token)["valid"])

    def test_successor_is_kept_when_only_the_access_token_is_unusable(self) -> None:
        """The reply can be read and holds the next refresh token: sending the old one again would kill the family."""
        self.sim.switch("webroot", old_rt="revoke_family")
        for shape in ("duplicate_access_token", "nul"):
            with self.subTest(shape=shape):
                account = self.enrolled()
                self.sim.arm("shape", shape=shape, match={"account": self.name})
                self.assertNotEqual(self.renew(account), "")
                self.served(account)
                self.assertEqual(self.renew(account), "")
                family = self.family(self.name)
                self.assertEqual([presented["n"] for presented in family["presentations"]], [0, 1, 2])
                self.assertEqual((family["revoked"], family["counters"]["rejected"]), ("", 0))

    def test_lost_rotation_under_reject(self) -> None:
        self.sim.switch("webroot", old_rt="revoke_family")
        account = self.enrolled()
        self.sim.arm("reset_after", match={"account": self.name})
        self.renew(account)
        status = self.until("the refusal of the replay ends it", lambda: self.lost(account))
        self.assertIn("lost_rotation", status["reason"] + str(status.get("last_failure")))
        self.assertEqual(self.family(self.name)["counters"]["presented"], 3)  # enrolment, lost, one replay

    def lost(self, account: str) -> dict[str, Any] | None:
        status = self.status(self.daemon, account)
        return status if status["state"] == "login_required" else None

    def test_retry_after_is_a_floor(self) -> None:
        for form in ("seconds", "imf", "rfc850", "asctime"):
            with self.subTest(form=form):
                self.sim.switch("webroot", access_lifetime_s=3)
                account = self.enrolled()
                self.sim.arm("status", status=503, retry_after=form, retry_after_s=2, match={"account": self.name})
                since = self.sim.state()["last_seq"]
                seen = self.sim.wait(persona="webroot", account=self.name, since=since, count=2, timeout_s=15,
                                     phase="answered")
                self.assertTrue(seen["enough"], "the timer renewed, was told to wait, and tried again")
                self.until("fresh again", lambda: self.get(self.daemon, account, timeout_ms=5000))
        self.assertEqual(self.sim.check(), [])

    def test_retry_after_that_means_nothing_holds_nobody_for_long(self) -> None:
        self.sim.switch("webroot", access_lifetime_s=3)
        for form in ("past", "negative", "garbage"):
            with self.subTest(form=form):
                account = self.enrolled()
                self.sim.arm("status", status=429, retry_after=form, match={"account": self.name})
                start = time.monotonic()
                self.until("renewed all the same", lambda: self.status(self.daemon, account)["generation"] > 1)
                self.assertLess(time.monotonic() - start, 8)

    def test_stalled_replies_end_at_the_deadline(self) -> None:
        """An exchange's deadline is 30 s, clamped by the token's lifetime: 4 s here."""
        self.sim.switch("webroot", access_lifetime_s=4)
        for kind in ("stall", "silent_accept"):
            with self.subTest(kind=kind):
                account = self.enrolled()
                self.sim.arm(kind, match={"persona": "webroot"})
                self.until("the next exchange got through", lambda: self.status(self.daemon, account)["generation"] > 1, 25)

    def test_a_reply_that_came_while_the_machine_slept_is_read(self) -> None:
        """The deadline passed meanwhile, but the answer stands in the socket: it holds the only good refresh token."""
        self.sim.switch("webroot", old_rt="revoke_family", access_lifetime_s=3)
        account = self.enrolled()
        assert self.daemon is not None and self.daemon.process is not None
        since = self.sim.state()["last_seq"]
        self.sim.arm("latency_after", ms=500, match={"account": self.name})
        wish = {"persona": "webroot", "account": self.name, "since": since, "count": 1, "timeout_s": 15}
        self.assertTrue(self.sim.wait(phase="processed", **wish)["enough"])
        self.daemon.process.send_signal(signal.SIGSTOP)
        try:
            self.assertTrue(self.sim.wait(phase="answered", **wish)["enough"])
            time.sleep(4)  # longer than the exchange may take
        finally:
            self.daemon.process.send_signal(signal.SIGCONT)
        self.until("the reply was read", lambda: self.status(self.daemon, account)["generation"] > 1)
        family = self.family(self.name)
        self.assertEqual((family["revoked"], family["counters"]["double_spent_after_delivered"]), ("", 0))


if __name__ == "__main__":
    unittest.main()
