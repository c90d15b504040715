"""What the daemon makes of a provider that misbehaves: the class of each fault, what state the account is in, and healing."""
import time
import unittest
from typing import Any

from harness.case import BrokerCase, webroot_client
from harness.varlink import VarlinkError

UNTRUSTED = ("tls_expired", "tls_not_yet_valid", "tls_wrong_name", "tls_self_signed", "tls_unknown_ca")
# kind, parameters, the class that RenewAccount reports. Nothing here spends the grant at the provider.
NOT_PROCESSED: list[tuple[str, dict[str, Any], str]] = [
    ("reset_on_accept", {}, "RETRY"), ("reset_in_tls", {}, "RETRY"),
    ("status", {"status": 500, "body": "html"}, "RETRY"), ("status", {"status": 503}, "RETRY"),
    ("status", {"status": 429, "retry_after": "garbage"}, "RETRY"), ("status", {"status": 408, "body": "empty"}, "RETRY"),
    ("redirect", {"status": 301}, "NEVER"), ("redirect", {"status": 302, "to": "canary_http"}, "NEVER"),
    ("redirect", {"status": 307}, "NEVER"), ("redirect", {"status": 308, "to": "self"}, "NEVER"),
    ("status", {"status": 401, "json": {"error": "invalid_client"}}, "CONFIG"),
    ("status", {"status": 400, "json": {"error": "invalid_scope"}}, "CONFIG"),
    ("status", {"status": 400, "json": {"error": "invalid_request", "error_description": "{not json"}}, "NEVER"),
    *((kind, {}, "CONFIG") for kind in UNTRUSTED),
    ("tls_old_version", {}, "RETRY"),  # a handshake that fails, not a certificate that can't be trusted
]
# The outcome is unknown: the daemon sends the same grant again and gets the same pair (grace).
AMBIGUOUS: list[tuple[str, dict[str, Any]]] = [
    ("reset_after_headers", {}), ("reset_before", {}), ("close_before", {}), ("reset_after", {}), ("close_after", {}),
    ("truncate", {"bytes": 10}), ("truncate", {"end": "no_notify"}), ("truncate", {"end": "reset"}),
    ("no_close_notify", {}), ("chunked", {"mode": "bad_size"}), ("chunked", {"mode": "missing_last"}),
    ("te_and_cl", {}), ("html", {}), ("gzip", {}), ("large_body", {"bytes": 200_000}), ("huge_header", {}),
    ("utf16", {}), ("status", {"status": 502, "processed": True}), ("status", {"status": 504, "body": "html"}),
    *(("shape", {"shape": shape}) for shape in ("array", "string", "empty", "nested", "lone_surrogate", "invalid_utf8",
                                                "trailing_garbage", "raw_newline")),
]
# Odd, and to be taken as the success that it is.
HARMLESS: list[tuple[str, dict[str, Any]]] = [
    ("bom", {}), ("content_type", {}), ("content_type", {"value": "text/plain"}), ("interim", {}), ("no_length", {}),
    ("chunked", {"mode": "plain"}), ("chunked", {"mode": "one_byte"}), ("chunked", {"mode": "trailers"}),
    ("drip", {"bytes_per_s": 2000}), ("garbage_after", {}), ("date", {"mode": "missing"}),
    ("date", {"mode": "malformed"}), ("date", {"skew_s": 7200}), ("fields", {"set": {"expires_in": "299"}}),
    ("fields", {"set": {"token_type": "BEARER"}}), ("fields", {"drop": ["token_type"]}),
    ("refresh_token", {"mode": "missing"}), ("refresh_token", {"mode": "empty"}), ("refresh_token", {"mode": "same"}),
    ("close_idle", {"when": "now"}),
]


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
            self.daemon.kill()
            self.daemon.start()
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

    def test_failures_that_spend_nothing(self) -> None:
        for kind, params, wanted in NOT_PROCESSED:
            with self.subTest(kind=kind, **params):
                account = self.enrolled()
                self.daemon.kill()  # so that the next exchange opens a connection
                self.daemon.start()
                self.sim.arm(kind, match={"persona": "webroot"}, count=0, **params)
                try:
                    outcome = self.renew(account)
                    self.served(account)
                finally:
                    self.sim.post("/clear")
                self.assertEqual(outcome, wanted)
                self.assertEqual(self.renew(account), "", "an operator's renewal heals it")
        counters = [family["counters"] for family in self.sim.state()["personas"]["webroot"]["families"].values()]
        self.assertEqual(sum(one["rejected"] for one in counters), 0)
        self.assertEqual(self.sim.check(ignore=["retry_after"]), [])

    def test_ambiguous_outcomes_heal_by_a_replay(self) -> None:
        for kind, params in AMBIGUOUS:
            with self.subTest(kind=kind, **params):
                account = self.enrolled()
                self.sim.arm(kind, match={"account": self.name} if kind != "reset_after_headers" else {}, **params)
                self.renew(account)
                self.until("the account is fresh again", lambda: self.status(self.daemon, account)["state"] == "fresh")
                self.until("a token of the next generation", lambda: self.get(self.daemon, account)["generation"] == 2)
                self.served(account)
                counters = self.family(self.name)["counters"]
                self.assertEqual((counters["rejected"], counters["used_after_successor_used"]), (0, 0))
        self.assertEqual(self.sim.check(ignore=["spent_after_delivered_success"]), [])

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

    def test_odd_but_good_replies(self) -> None:
        for kind, params in HARMLESS:
            with self.subTest(kind=kind, **params):
                account = self.enrolled()
                self.sim.arm(kind, match={"account": self.name}, **params)
                self.assertEqual(self.renew(account), "")
                self.served(account)
                self.assertEqual(self.renew(account), "")
                self.assertEqual(self.family(self.name)["counters"]["presented"], 3)
        self.assertEqual(self.sim.check(), [])

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


if __name__ == "__main__":
    unittest.main()
