"""Self-tests of the control port, the log, the invariants and the certificates."""
import base64
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import unittest
from typing import Any
from urllib.parse import urlencode

from case import FORM, SECRET, Case, basic
from client import RUN, Simulator, SimulatorError
from kinds import KINDS
from personas import PERSONAS
from raw_client import RawClient


class ControlPort(Case):
    def test_log_marks_secrets(self) -> None:
        account = self.account()
        since = self.sim.state()["last_seq"]
        fresh = self.refresh(account["refresh_token"]).json
        text = str(self.sim.log(since=since))
        for secret in (account["refresh_token"], fresh["refresh_token"], SECRET, basic()):
            self.assertNotIn(secret, text)
        self.assertIn("<rt:", text)
        entry = self.sim.log(since=since, raw=1)[0]
        raw = base64.b64decode(entry["raw"])
        self.assertIn(account["refresh_token"].encode(), raw)
        self.assertEqual(entry["bytes_in"], len(raw))
        self.assertTrue(entry["delivered"] and entry["processed"])

    def test_secret_in_url_and_wrong_host(self) -> None:
        account = self.account()
        self.sim.post("/forget")
        self.client.call("GET", f"/auth/token?refresh_token={account['refresh_token']}")
        other = RawClient(self.sim.port("threekit"), self.sim.ca_file)
        other.call("GET", "/api/catalog/products", Authorization=f"Bearer {account['access_token']}")
        other.close()
        found = {violation["invariant"] for violation in self.sim.check()}
        self.assertLessEqual({"secret_in_url", "secret_to_wrong_host"}, found)

    def test_wait(self) -> None:
        account = self.account()
        since = self.sim.state()["last_seq"]
        self.assertFalse(self.sim.wait(persona="webroot", since=since, timeout_s=0.1)["enough"])
        timer = threading.Timer(0.2, self.refresh, [account["refresh_token"]])
        timer.start()
        seen = self.sim.wait(persona="webroot", account=account["family"], phase="ended", since=since, timeout_s=5)
        timer.join()
        self.assertTrue(seen["enough"])

    def test_two_in_flight(self) -> None:
        account = self.account()
        self.sim.arm("latency", ms=300)
        second = RawClient(self.sim.port("webroot"), self.sim.ca_file)
        slow = threading.Thread(target=self.refresh, args=[account["refresh_token"]])
        slow.start()
        time.sleep(0.15)
        first, self.client = self.client, second
        self.refresh(account["refresh_token"])
        slow.join()
        second.close()
        first.close()
        self.assertIn("two_in_flight", {found["invariant"] for found in self.sim.check()})

    def test_dead_client_is_not_in_flight(self) -> None:
        account = self.account()
        self.sim.post("/forget")
        self.sim.arm("latency", ms=300)
        body = urlencode({"grant_type": "refresh_token", "refresh_token": account["refresh_token"], "scope": "ecom.shop"})
        self.client.send("POST", "/auth/token", body.encode(), Content_Type=FORM, Authorization=basic())
        self.sim.wait(persona="webroot", account=account["family"], since=0)
        self.client.close()  # as a killed process does
        self.refresh(account["refresh_token"])
        self.assertNotIn("two_in_flight", {found["invariant"] for found in self.sim.check()})

    def test_retry_after_and_budget(self) -> None:
        account = self.account()
        self.sim.post("/forget")
        self.sim.arm("status", status=503, retry_after="seconds", retry_after_s=1)
        self.assertEqual(self.refresh(account["refresh_token"]).headers["retry-after"], "1")
        self.refresh(account["refresh_token"])
        self.assertEqual([found["invariant"] for found in self.sim.check()].count("retry_after"), 1)
        self.assertEqual(self.sim.check(ignore=["retry_after"]), [])
        self.assertEqual(self.sim.check(budget=2, ignore=["retry_after"]), [])
        self.assertEqual(self.sim.check(budget=1, ignore=["retry_after"])[0]["invariant"], "budget")

    def test_retry_after_binds_the_other_grants_of_the_client(self) -> None:
        told, other = self.account(), self.account()
        self.refresh(other["refresh_token"])  # opens the connection
        for fresh_connection, wait_s, violations in ((False, 0.0, 0), (False, 0.4, 1), (True, 0.0, 1)):
            with self.subTest(fresh_connection=fresh_connection, wait_s=wait_s):
                other = self.account()
                self.sim.post("/forget")
                self.sim.arm("status", status=503, retry_after="seconds", retry_after_s=30)
                self.refresh(told["refresh_token"])
                if fresh_connection:
                    self.client.close()
                time.sleep(wait_s)
                self.refresh(other["refresh_token"])
                found = [found for found in self.sim.check() if found["invariant"] == "retry_after"]
                self.assertEqual(len(found), violations)

    def test_presented_after_refusal(self) -> None:
        account = self.account()
        self.sim.post("/revoke", persona="webroot", account=account["family"])
        self.refresh(account["refresh_token"])
        before = {found["account"] for found in self.sim.check() if found["invariant"] == "presented_after_refusal"}
        self.refresh(account["refresh_token"])
        after = {found["account"] for found in self.sim.check() if found["invariant"] == "presented_after_refusal"}
        self.assertEqual(after - before, {account["family"]})

    def test_bad_wishes_are_explained(self) -> None:
        wishes: list[tuple[str, dict[str, Any], str]] = [("/arm", {"kind": "nothing"}, "there are: reset_on_accept"),
                                 ("/arm", {"kind": "drip", "speed": 3}, "it has: bytes_per_s"),
                                 ("/arm", {"kind": "shape", "shape": "round"}, "is one of"),
                                 ("/arm", {"kind": "reset_in_tls", "match": {"account": "x"}}, "before there is a request"),
                                 ("/switch", {"persona": "webroot", "old_rt": "x"}, "is one of"),
                                 ("/switch", {"persona": "nobody"}, "there are: webroot"),
                                 ("/seed", {"persona": "webroot", "colour": 1}, "it has: client_id"),
                                 ("/nothing", {}, "GET / lists")]
        for path, wish, hint in wishes:
            with self.subTest(path=path, wish=wish), self.assertRaisesRegex(SimulatorError, hint):
                self.sim.post(path, **wish)

    def test_renewed_ca(self) -> None:
        with Simulator() as sim:
            old = ssl.create_default_context(cafile=sim.ca_file)
            sim.post("/renew_ca")
            client = RawClient(sim.port("webroot"), sim.ca_file)
            self.assertEqual(client.call("GET", "/").status, 404)
            client.close()
            client.context = old
            with self.assertRaises(ssl.SSLCertVerificationError):
                client.connect()

    def test_session_resumption(self) -> None:
        first = self.client.connect()
        self.client.call("GET", "/")
        session = first.session
        self.client.close()
        self.assertTrue(self.client.connect(session).session_reused)

    def test_names_in_certificate(self) -> None:
        for name in ("localhost", "127.0.0.1", "webroot.sim.test"):
            client = RawClient(self.sim.port("webroot"), self.sim.ca_file, name)
            self.assertEqual(client.call("GET", "/").status, 404)
            client.close()

    def test_help_has_everything(self) -> None:
        text = subprocess.run([sys.executable, str(RUN), "--help"], capture_output=True, text=True, check=True).stdout
        for persona in PERSONAS.values():
            for word in (f"  {persona.name}: {persona.text}", f"    seed: {json.dumps(persona.seeds)}",
                         *(f"    {name} = {known.default!r}: {known.text}" for name, known in persona.switches.items())):
                self.assertIn(word, text)
        for kind in KINDS:
            self.assertIn(f"    {kind} ", text)
        self.assertEqual(text.count("/redeem"), 1)

    def test_options(self) -> None:
        with Simulator("--persona", "webroot", "--http", "--set", "webroot.access_lifetime_s=5",
                       "--set", "webroot.old_rt=grace") as sim:
            self.assertEqual(list(sim.ready["personas"]), ["webroot"])
            self.assertIn("http_url", sim.ready["personas"]["webroot"])
            settings = sim.state()["personas"]["webroot"]["switches"]
            self.assertEqual((settings["access_lifetime_s"], settings["old_rt"]), (5.0, "grace"))
            folder = os.path.dirname(sim.ca_file)
        self.assertFalse(os.path.exists(folder), "the temporary folder with the keys must go")


if __name__ == "__main__":
    unittest.main()
