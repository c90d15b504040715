"""Self-tests of the OAuth2 persona: the authorization code flow with PKCE, and device authorization."""
import hashlib
import unittest
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from case import basic
from client import SimulatorError
from jose import coded
from oauth2_case import CLIENT, DEVICE_GRANT, SECRET, OAuth2Case
from raw_client import Seen

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
BACK = "http://127.0.0.1:41234/callback"


class CodeFlow(OAuth2Case):
    def setUp(self) -> None:
        super().setUp()
        self.client_only()

    def ask(self, **other: str) -> Seen:
        wish = {"response_type": "code", "client_id": CLIENT, "redirect_uri": BACK, "state": "s 1&x", "scope": "read",
                "code_challenge": CHALLENGE, "code_challenge_method": "S256", **other}
        wish = {name: value for name, value in wish.items() if value}
        return self.client.call("GET", "/oauth2/authorize?" + urlencode(wish))

    def answer(self, **other: str) -> dict[str, str]:
        seen = self.ask(**other)
        self.assertEqual(seen.status, 302)
        place = urlsplit(seen.headers["location"])
        self.assertEqual(place._replace(query="").geturl(), BACK)
        return dict(parse_qsl(place.query))

    def exchange(self, code: str, **other: str) -> Seen:
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER, **other}
        return self.token(**{name: value for name, value in fields.items() if value})

    def test_pkce_of_the_rfc(self) -> None:
        self.assertEqual(coded(hashlib.sha256(VERIFIER.encode()).digest()), CHALLENGE)
        answer = self.answer()
        self.assertEqual((answer["state"], answer["iss"]), ("s 1&x", "https://localhost"))
        seen = self.exchange(answer["code"])
        self.assertEqual((seen.status, seen.json["scope"]), (200, "read"))
        self.assertEqual(self.refresh(seen.json["refresh_token"]).status, 200)

    def test_a_code_used_again_ends_the_grant(self) -> None:
        code = self.answer()["code"]
        fresh = self.exchange(code).json["refresh_token"]
        self.refused(self.exchange(code), 400, "invalid_grant")
        self.refused(self.refresh(fresh), 400, "invalid_grant")

    def test_what_does_not_fit(self) -> None:
        self.client_only(client_id="client-2")
        other = "x" * 43
        for fields in ({"code_verifier": other}, {"code_verifier": ""}, {"code_verifier": "short"}, {"redirect_uri": BACK + "2"},
                       {"redirect_uri": ""}, {"authorization": basic("client-2", SECRET)}, {"code": "unknown"}):
            with self.subTest(fields=fields):
                self.refused(self.exchange(**{"code": self.answer()["code"], **fields}), 400, "invalid_grant")
        code = self.answer()["code"]
        self.sim.post("/advance", seconds=61)
        self.refused(self.exchange(code), 400, "invalid_grant")

    def test_no_redirect_to_strangers(self) -> None:
        for wish in ({"redirect_uri": "https://evil.example/callback"}, {"redirect_uri": "http://127.0.0.1:1/other"},
                     {"redirect_uri": ""}, {"client_id": "nobody"}, {"redirect_uri": "http://[bad"}):
            with self.subTest(wish=wish):
                seen = self.ask(**wish)
                self.assertEqual((seen.status, "location" in seen.headers), (400, False))

    def test_errors_by_redirect(self) -> None:
        for wish, error in (({"response_type": "token"}, "unsupported_response_type"), ({"scope": "admin"}, "invalid_scope"),
                            ({"code_challenge": ""}, "invalid_request"), ({"code_challenge_method": "plain"}, "invalid_request")):
            with self.subTest(wish=wish):
                answer = self.answer(**wish)
                self.assertEqual((answer["error"], answer["state"], "code" in answer), (error, "s 1&x", False))

    def test_pkce_optional(self) -> None:
        self.sim.switch("oauth2", pkce="optional")
        code = self.answer(code_challenge="", code_challenge_method="")["code"]
        self.refused(self.exchange(code), 400, "invalid_grant")  # a verifier out of nowhere
        self.assertEqual(self.exchange(code, code_verifier="").status, 200)
        self.client_only(auth_method="none")
        self.assertEqual(self.answer(code_challenge="", code_challenge_method="")["error"], "invalid_request")

    def test_switches(self) -> None:
        for mode, error, state, iss in [("approve", None, "s 1&x", "https://localhost"),
                                        ("deny", "access_denied", "s 1&x", "https://localhost"),
                                        ("unavailable", "temporarily_unavailable", "s 1&x", "https://localhost"),
                                        ("wrong_state", None, "state_test_of_another", "https://localhost"),
                                        ("no_state", None, None, "https://localhost"),
                                        ("wrong_iss", None, "s 1&x", "https://localhost/other"), ("no_iss", None, "s 1&x", None)]:
            with self.subTest(mode=mode):
                self.sim.switch("oauth2", authorize=mode)
                answer = self.answer()
                self.assertEqual([answer.get(name) for name in ("error", "state", "iss")], [error, state, iss])
                self.assertEqual("code" in answer, error is None)


class DeviceFlow(OAuth2Case):
    def setUp(self) -> None:
        super().setUp()
        self.client_only()
        self.sim.post("/forget")

    def start(self, **fields: str) -> dict[str, Any]:
        seen = self.post("/oauth2/device", basic(CLIENT, SECRET), **fields)
        self.assertEqual(seen.status, 200)
        return dict(seen.json)

    def poll(self, device: dict[str, Any], wait_s: float = 5) -> Seen:
        self.sim.post("/advance", seconds=wait_s)
        return self.token(grant_type=DEVICE_GRANT, device_code=device["device_code"])

    def act(self, what: str, **wish: str) -> dict[str, Any]:
        return dict(self.sim.post("/device", persona="oauth2", do=what, **wish))

    def polled_too_fast(self) -> int:
        return [found["invariant"] for found in self.sim.check()].count("polled_too_fast")

    def test_approved(self) -> None:
        device = self.start(scope="read")
        self.assertEqual(sorted(device), ["device_code", "expires_in", "interval", "user_code", "verification_uri",
                                          "verification_uri_complete"])
        self.assertRegex(device["user_code"], "^[B-Z]{4}-[B-Z]{4}$")
        self.assertEqual((device["interval"], device["expires_in"]), (5, 900))
        self.refused(self.poll(device), 400, "authorization_pending")
        self.assertEqual(self.act("approve", user_code=device["user_code"], user="ann")["polls"], 1)
        seen = self.poll(device)
        self.assertEqual((seen.status, seen.json["scope"]), (200, "read"))
        self.assertEqual(self.refresh(seen.json["refresh_token"]).status, 200)
        self.refused(self.poll(device), 400, "invalid_grant")
        self.assertEqual(self.sim.check(), [])

    def test_slow_down_stays(self) -> None:
        device = self.start()
        self.refused(self.poll(device, 0), 400, "authorization_pending")
        self.refused(self.poll(device, 1), 400, "slow_down")
        self.refused(self.poll(device, 6), 400, "slow_down")
        self.assertEqual(self.polled_too_fast(), 2)
        self.refused(self.poll(device, 15), 400, "authorization_pending")
        self.act("slow_down")
        self.refused(self.poll(device, 15), 400, "slow_down")
        self.act("approve")
        self.assertEqual(self.poll(device, 20).status, 200)
        self.assertEqual(self.polled_too_fast(), 2)

    def test_denied_and_expired(self) -> None:
        device = self.start()
        self.act("deny")
        self.refused(self.poll(device), 400, "access_denied")
        device = self.start()
        self.act("expire", user_code=device["user_code"])
        self.refused(self.poll(device), 400, "expired_token")
        self.sim.switch("oauth2", device_lifetime_s=60)
        device = self.start()
        self.act("approve")
        self.refused(self.poll(device, 61), 400, "expired_token")

    def test_whose_code(self) -> None:
        device = self.start()
        self.client_only(client_id="client-2")
        wrong = self.token(basic("client-2", SECRET), grant_type=DEVICE_GRANT, device_code=device["device_code"])
        self.refused(wrong, 400, "invalid_grant")
        self.refused(self.token(grant_type=DEVICE_GRANT, device_code="unknown"), 400, "invalid_grant")
        self.refused(self.post("/oauth2/device", basic(CLIENT, "wrong")), 401, "invalid_client")
        self.refused(self.post("/oauth2/device", basic(CLIENT, SECRET), scope="admin"), 400, "invalid_scope")

    def test_google(self) -> None:
        self.sim.switch("oauth2", device_errors="google", verification="url")
        device = self.start()
        self.assertNotIn("verification_uri", device)
        self.assertTrue(device["verification_url"].startswith("https://"))
        self.refused(self.poll(device, 0), 428, "authorization_pending")
        self.refused(self.poll(device, 0), 403, "slow_down")
        self.act("deny")
        self.refused(self.poll(device, 10), 403, "access_denied")

    def test_twitch(self) -> None:
        self.sim.switch("oauth2", error_style="twitch", device_scope_param="scopes", verification="uri")
        device = self.start(scopes="write")
        self.assertNotIn("verification_uri_complete", device)
        self.assertEqual(self.poll(device).json, {"status": 400, "message": "authorization_pending"})
        self.act("approve")
        self.assertEqual(self.poll(device).json["scope"], "write")

    def test_no_interval_and_bad_wishes(self) -> None:
        self.sim.switch("oauth2", device_interval_s=-1)
        device = self.start()
        self.assertNotIn("interval", device)
        self.poll(device, 0)
        self.refused(self.poll(device, 4), 400, "slow_down")
        for wish, hint in (({"do": "dance"}, "is one of"), ({"do": "deny", "user_code": "X"}, "no device")):
            with self.assertRaisesRegex(SimulatorError, hint):
                self.sim.post("/device", persona="oauth2", **wish)
        with self.assertRaisesRegex(SimulatorError, "no device authorization"):
            self.sim.post("/device", persona="webroot", do="deny")

    def test_pending_is_not_final(self) -> None:
        device = self.start()
        self.poll(device)
        self.poll(device)
        self.assertEqual(self.sim.check(final_gap_s=60), [])
        self.act("deny")
        self.poll(device)
        self.poll(device)
        self.assertEqual([found["invariant"] for found in self.sim.check(final_gap_s=60)], ["called_after_final"])


if __name__ == "__main__":
    unittest.main()
