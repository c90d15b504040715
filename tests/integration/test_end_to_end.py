"""The real daemon against the simulator, end to end: enrol, hand out, renew, watch, restart, lose and get back a grant."""
import time
import unittest

from harness.case import CLIENT_SECRET, BrokerCase, threekit_client, webroot_client
from harness.varlink import VarlinkError

# Tokens that live less than a minute are renewed on demand unless the client section says otherwise.
AHEAD = 'policy = "ahead"'


class EndToEnd(BrokerCase):
    def setUp(self) -> None:
        super().setUp()
        self.sim.switch("webroot", old_rt="revoke_family", access_lifetime_s=299, latency_ms=0)
        self.sim.post("/forget")

    def good_at_provider(self, token: str) -> bool:
        return bool(self.sim.post("/valid", persona="webroot", token=token)["valid"])

    def calls(self, what: str = "refresh_token") -> int:
        return len(self.sim.log(persona="webroot", what=what))

    def test_enrol_and_get(self) -> None:
        daemon = self.begin(webroot_client(self.sim, self.folder))
        added = self.enrol(daemon, "shop/main", "e2e-enrol")
        self.assertTrue(added["proved"])
        self.assertEqual((added["account"]["state"], added["account"]["generation"]), ("fresh", 1))
        token = self.get(daemon, "shop/main")
        self.assertTrue(self.good_at_provider(token["token"]))
        self.assertEqual(token["header"], {"name": "Authorization", "value": f"Bearer {token['token']}"})
        self.assertEqual(token["scopes"], ["ECom.Shop"])
        self.assertTrue(290_000 < token["remaining_ms"] <= 299_000, token["remaining_ms"])
        ran = self.cli("get", "shop/main")
        self.assertEqual((ran.code, ran.out), (0, token["token"] + "\n"), ran.err)
        self.assertEqual(self.calls(), 1, "one exchange serves all readers")
        request = self.sim.log(persona="webroot")[0]
        self.assertIn("<client_secret:client_Test@example.com>", str(request["headers"]))
        self.assertEqual((request["form"]["scope"], request["method"]), ("ecom.shop", "POST"))

    def test_tokens_renew_ahead_of_expiry(self) -> None:
        self.sim.switch("webroot", access_lifetime_s=2)
        daemon = self.begin(webroot_client(self.sim, self.folder, more=AHEAD))
        self.enrol(daemon, "shop/main", "e2e-renew")
        generations, end = [], time.monotonic() + 6
        with daemon.tokens() as tokens:
            while time.monotonic() < end:
                token = tokens.call("GetToken", account="shop/main")["token"]
                self.assertTrue(self.good_at_provider(token["token"]), f"generation {token['generation']} was expired")
                generations.append(token["generation"])
                time.sleep(0.05)
        self.assertEqual(generations, sorted(generations))
        self.assertGreaterEqual(generations[-1] - generations[0], 3)
        self.assertLessEqual(self.calls(), 7, "2 s x 0.65 at the earliest, for 6 s")
        self.assertEqual(self.sim.check(budget=7), [])

    def test_watch(self) -> None:
        self.sim.switch("webroot", access_lifetime_s=2)
        daemon = self.begin(webroot_client(self.sim, self.folder, more=AHEAD))
        self.enrol(daemon, "shop/main", "e2e-watch")
        seen = []
        with daemon.tokens() as watcher:
            for event in watcher.call_more("WatchTokens", accounts=["shop/main"]):
                if event["event"] == "new_token":
                    self.assertTrue(self.good_at_provider(event["token"]["token"]))
                    seen.append(event["token"]["generation"])
                if len(seen) == 4:
                    break
        self.assertEqual(seen, [seen[0] + step for step in range(4)])

    def test_report_rejected(self) -> None:
        daemon = self.begin(webroot_client(self.sim, self.folder))
        self.enrol(daemon, "shop/main", "e2e-report")
        first = self.get(daemon, "shop/main")
        with daemon.tokens() as tokens:
            told = tokens.call("ReportRejected", account="shop/main", generation=first["generation"])
            self.assertTrue(told["renewal_started"])
            second = tokens.call("GetToken", account="shop/main")["token"]
            self.assertEqual(second["generation"], first["generation"] + 1)
            self.assertNotEqual(second["token"], first["token"])
            stale = tokens.call("ReportRejected", account="shop/main", generation=first["generation"])
            self.assertFalse(stale["renewal_started"])
        self.assertEqual(self.calls(), 2)

    def test_restart_asks_no_provider(self) -> None:
        for end in ("stop", "kill"):
            with self.subTest(end=end):
                daemon = self.begin(webroot_client(self.sim, self.folder))
                self.enrol(daemon, f"shop/{end}", f"e2e-restart-{end}")
                before = self.get(daemon, f"shop/{end}")
                self.sim.post("/forget")
                if end == "stop":
                    self.assertEqual(daemon.stop(), 0, daemon.log())
                else:
                    daemon.kill()
                daemon.start()
                after = self.get(daemon, f"shop/{end}")
                self.assertEqual((after["token"], after["generation"]), (before["token"], before["generation"]))
                time.sleep(0.5)
                self.assertEqual(self.calls(), 0)
                daemon.stop()

    def test_grant_survives_many_restarts(self) -> None:
        self.sim.switch("webroot", access_lifetime_s=299)
        daemon = self.begin(webroot_client(self.sim, self.folder))
        self.enrol(daemon, "shop/main", "e2e-restarts")
        for _ in range(5):
            daemon.restart()
            self.assertEqual(self.cli("renew", "shop/main").code, 0)
        counters = self.family("e2e-restarts")["counters"]
        self.assertEqual((counters["spent"], counters["rejected"]), (6, 0))
        self.assertEqual(self.sim.check(), [])

    def test_revoked_grant_asks_for_login(self) -> None:
        daemon = self.begin(webroot_client(self.sim, self.folder))
        self.enrol(daemon, "shop/main", "e2e-revoked")
        self.sim.post("/revoke", persona="webroot", account="e2e-revoked")
        with daemon.admin() as admin, self.assertRaises(VarlinkError) as failed:
            admin.call("RenewAccount", account="shop/main")
        self.assertEqual((failed.exception.short, failed.exception.parameters["class"]), ("RenewalFailed", "REAUTH"))
        status = self.status(daemon, "shop/main")
        self.assertEqual(status["state"], "login_required")
        self.assertIn("shop/main", status["reason"])
        calls = self.calls()
        with daemon.tokens() as tokens, self.assertRaises(VarlinkError) as refused:
            tokens.call("GetToken", account="shop/main", min_remaining_ms=299_000, timeout_ms=500)
        self.assertIn(refused.exception.short, ("LoginRequired", "LifetimeTooShort"))
        daemon.restart()
        time.sleep(1.5)
        self.assertEqual(self.calls(), calls, "a refused grant is never sent by itself again")
        ran = self.cli("get", "shop/main", "--min-remaining", "298s", "--timeout", "500ms")
        self.assertEqual(ran.code, 4, ran)
        fresh = self.sim.seed("webroot", family="e2e-replaced")["refresh_token"]
        ran = self.cli("account", "add", "shop/main", "--replace", stdin=fresh + "\n")
        self.assertEqual(ran.code, 0, ran.err)
        self.assertTrue(self.good_at_provider(self.get(daemon, "shop/main")["token"]))
        self.assertEqual(self.status(daemon, "shop/main")["state"], "fresh")
        self.assertEqual(self.sim.check(), [])

    def test_replace_keeps_the_old_grant_until_the_new_one_has_proved_itself(self) -> None:
        daemon = self.begin(webroot_client(self.sim, self.folder))
        self.enrol(daemon, "shop/main", "e2e-old")
        before = self.get(daemon, "shop/main")
        with daemon.admin() as admin:
            with self.assertRaises(VarlinkError) as exists:
                admin.call("AddAccount", account="shop/main", secrets={"refresh_token": "rt_test_other"})
            self.assertEqual(exists.exception.short, "AccountExists")
            with self.assertRaises(VarlinkError) as refused:
                admin.call("AddAccount", account="shop/main", secrets={"refresh_token": "rt_test_wrong"}, replace=True)
            self.assertEqual(refused.exception.short, "RenewalFailed")
        self.assertEqual(self.get(daemon, "shop/main")["token"], before["token"])
        self.assertEqual(self.cli("renew", "shop/main").code, 0)
        self.assertEqual(self.family("e2e-old")["counters"]["spent"], 2)

    def test_static_token(self) -> None:
        daemon = self.begin(threekit_client(self.sim))
        secret = self.sim.seed("threekit", name="e2e-static")["token"]
        ran = self.cli("account", "add", "models/main", stdin=f"Bearer {secret}\n")
        self.assertEqual(ran.code, 0, ran.err)
        token = self.get(daemon, "models/main")
        self.assertEqual((token["token"], token.get("expires_at_ms"), token.get("remaining_ms")), (secret, None, None))
        self.assertEqual(token["header"]["value"], f"Bearer {secret}")
        status = self.status(daemon, "models/main")
        self.assertEqual((status["state"], status["policy"]), ("static", "static"))
        self.assertEqual(self.cli("renew", "models/main").code, 0, "a probe")
        self.assertEqual(self.sim.state()["personas"]["threekit"]["tokens"][-1]["counters"]["good"], 1)
        self.sim.post("/revoke", persona="threekit", account="e2e-static")
        self.assertEqual(self.cli("renew", "models/main").code, 1)
        self.assertIn("models/main", self.status(daemon, "models/main")["reason"])
        self.assertEqual(self.get(daemon, "models/main")["token"], secret, "not strict: it is served all the same")

    def test_min_remaining_is_a_promise(self) -> None:
        self.sim.switch("webroot", access_lifetime_s=20)
        daemon = self.begin(webroot_client(self.sim, self.folder))
        self.enrol(daemon, "shop/main", "e2e-promise")
        time.sleep(1.5)
        token = self.get(daemon, "shop/main", min_remaining_ms=19_000)
        self.assertGreaterEqual(token["remaining_ms"], 19_000)
        self.assertEqual(self.calls(), 2)
        with daemon.tokens() as tokens, self.assertRaises(VarlinkError) as short:
            tokens.call("GetToken", account="shop/main", min_remaining_ms=60_000, timeout_ms=3_000)
        self.assertEqual(short.exception.short, "LifetimeTooShort")
        self.assertTrue(19_000 <= short.exception.parameters["longest_ms"] <= 20_000, short.exception.parameters)

    def test_secrets_stay_inside(self) -> None:
        daemon = self.begin(webroot_client(self.sim, self.folder), top='log_level = "debug"')
        self.enrol(daemon, "shop/main", "e2e-secrets")
        self.assertEqual(self.cli("renew", "shop/main").code, 0)
        self.sim.arm("status", status=400, json={"error": "invalid_request", "error_description": CLIENT_SECRET})
        said = self.cli("renew", "shop/main")
        self.assertEqual(said.code, 1, said)
        outputs = [said, self.cli("status", "--json"), self.cli("status"), self.cli("account", "show", "shop/main"),
                   self.cli("account", "list"), self.cli("client", "list", "--json")]
        for ran in outputs:
            self.assert_no_secrets("the command's output", ran.out + ran.err)
        assert daemon.process is not None
        for name in ("cmdline", "environ"):
            with open(f"/proc/{daemon.process.pid}/{name}", "rb") as file:
                self.assert_no_secrets(name, file.read().decode("latin-1"))
        for file in daemon.state_dir.rglob("*"):
            if file.is_file():
                self.assert_no_secrets(file.name, file.read_bytes().decode("latin-1"))
        daemon.stop()
        log = daemon.log()
        self.assertIn("shop/main", log, "a log that says nothing holds no secret either")
        self.assert_no_secrets("the daemon's log", log)
        self.assertEqual(self.sim.check(), [])


if __name__ == "__main__":
    unittest.main()
