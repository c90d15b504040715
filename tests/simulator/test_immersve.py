"""Self-tests of the Immersve persona, by a raw client over real TLS."""
import json
import unittest
from typing import Any

from case import NUMBERS, Case
from jose import BadToken, public_key, verified
from raw_client import Seen

APP = "29097f50d221858223a17633e36716f9"
ORIGIN = "https://app.example.com"


class ImmersveCase(Case):
    def setUp(self) -> None:
        super().setUp()
        self.sim.switch("immersve", old_rt="reject", grace_s=5, spent_answer="forbidden", code_in="errorCode",
                        access_lifetime_s=1200, iat_offset_s=0, claims={})
        self.open("immersve")

    def account(self) -> dict[str, Any]:
        return self.sim.seed("immersve", family=f"imm{next(NUMBERS)}")

    def exchange(self, token: Any, app: Any = APP, origin: str = ORIGIN) -> Seen:
        body = json.dumps({"refreshToken": token, "clientApplicationId": app}).encode()
        return self.client.call("POST", "/auth/token", body, Content_Type="application/json", Origin=origin)

    def refused(self, seen: Seen, status: int, code: str) -> None:
        self.assertEqual((seen.status, seen.json["statusCode"], seen.json["errorCode"]), (status, status, code))


class Immersve(ImmersveCase):
    def test_exchange(self) -> None:
        account = self.account()
        seen = self.exchange(account["refresh_token"])
        self.assertEqual((seen.status, sorted(seen.json)), (200, ["accessToken", "refreshToken"]))
        jwks = self.client.call("GET", "/.well-known/jwks.json").json
        key = public_key(jwks["keys"][0])
        access, refresh = (verified(seen.json[name], key) for name in ("accessToken", "refreshToken"))
        self.assertEqual((access["exp"] - access["iat"], refresh["exp"] - refresh["iat"]), (1200, 30 * 86_400))
        broken = seen.json["accessToken"]
        with self.assertRaises(BadToken):
            verified(broken[:-8] + ("A" if broken[-8] != "A" else "B") + broken[-7:], key)
        self.assertEqual(self.exchange(seen.json["refreshToken"]).status, 200)
        self.refused(self.exchange(account["refresh_token"]), 403, "FORBIDDEN")
        counters = self.sim.family(account["family"], "immersve")["counters"]
        self.assertEqual((counters["spent"], counters["double_spent_after_delivered"]), (2, 1))

    def test_order_of_checks(self) -> None:
        token = self.account()["refresh_token"]
        self.sim.seed("immersve", client_application_id="other-app", origins=["https://other.example.com"], first=False)
        self.refused(self.client.call("POST", "/auth/token", b"{", Content_Type="application/json"), 400, "INVALID_REQUEST_INPUT")
        self.refused(self.client.call("POST", "/auth/token", b"refreshToken=x"), 400, "INVALID_REQUEST_INPUT")
        fields = self.exchange(7, None, "https://evil.example.net")
        self.refused(fields, 400, "INVALID_REQUEST_INPUT")
        self.assertEqual([error["path"] for error in fields.json["errors"]], ["/refreshToken", "/clientApplicationId"])
        for origin in ("", "https://evil.example.net", ORIGIN + "/", "https://APP.example.com"):
            self.refused(self.exchange("unknown", origin=origin), 403, "ORIGIN_NOT_ALLOWED")
        self.refused(self.exchange("unknown", "no-app"), 401, "UNAUTHORIZED")
        self.refused(self.exchange(token, "other-app", "https://other.example.com"), 403, "CLIENT_APPLICATION_MISMATCH")
        self.refused(self.exchange(token, "no-app"), 403, "CLIENT_APPLICATION_MISMATCH")
        self.refused(self.client.call("GET", "/auth/token", Origin=ORIGIN), 404, "NOT_FOUND")
        self.assertEqual(self.exchange(token).status, 200, "nothing of that has spent it")

    def test_expiry(self) -> None:
        account = self.account()
        self.sim.post("/advance", seconds=1201)
        self.assertFalse(self.sim.redeem("immersve", account["access_token"])["accepted"])
        self.sim.post("/advance", seconds=30 * 86_400)
        self.refused(self.exchange(account["refresh_token"]), 403, "REFRESH_TOKEN_EXPIRED")

    def test_where_the_code_is_and_what_a_spent_token_gets(self) -> None:
        for spent, status, code in (("forbidden", 403, "FORBIDDEN"), ("expired", 403, "REFRESH_TOKEN_EXPIRED"),
                                    ("unauthorized", 401, "UNAUTHORIZED")):
            with self.subTest(spent=spent):
                token = self.account()["refresh_token"]
                self.assertEqual(self.exchange(token).status, 200)
                self.sim.switch("immersve", spent_answer=spent, code_in="errorCode")
                self.refused(self.exchange(token), status, code)
                self.sim.switch("immersve", code_in="reason")
                seen = self.exchange(token)
                self.refused(seen, status, "FORBIDDEN" if status == 403 else "UNAUTHORIZED")
                self.assertEqual(seen.json["reason"], code)

    def test_family_revocation(self) -> None:
        for policy, successor in (("reject", 200), ("revoke_family", 403)):
            with self.subTest(policy=policy):
                self.sim.switch("immersve", old_rt=policy)
                token = self.account()["refresh_token"]
                fresh = self.exchange(token).json["refreshToken"]
                self.assertEqual(self.exchange(token).status, 403)
                self.assertEqual(self.exchange(fresh).status, successor)

    def test_grace(self) -> None:
        self.sim.switch("immersve", old_rt="grace")
        token = self.account()["refresh_token"]
        self.assertEqual(self.exchange(token).json, self.exchange(token).json)
        self.sim.post("/advance", seconds=6)
        self.assertEqual(self.exchange(token).status, 403)

    def test_logout(self) -> None:
        account = self.account()
        bearer = f"Bearer {account['access_token']}"
        self.assertEqual(self.client.call("POST", "/auth/logout", Authorization=bearer).status, 200)
        self.assertFalse(self.sim.post("/valid", persona="immersve", token=account["access_token"])["valid"])
        self.assertEqual(self.exchange(account["refresh_token"]).status, 403)
        self.refused(self.client.call("POST", "/auth/logout", Authorization=bearer), 401, "UNAUTHORIZED")

    def test_lost_reply_and_no_rotation(self) -> None:
        account = self.account()
        self.sim.arm("reset_after", match={"persona": "immersve", "account": account["family"]})
        self.assertEqual(self.exchange(account["refresh_token"]).end, "reset")
        self.client.close()
        self.refused(self.exchange(account["refresh_token"]), 403, "FORBIDDEN")
        for mode, want in (("missing", None), ("empty", ""), ("same", "")):
            token = self.account()["refresh_token"]
            self.sim.arm("refresh_token", mode=mode, match={"persona": "immersve"})
            self.assertEqual(self.exchange(token).json.get("refreshToken"), token if mode == "same" else want)
            self.assertEqual(self.exchange(token).status, 200)

    def test_odd_claims(self) -> None:
        self.sim.switch("immersve", claims={"exp": "1700001200", "iat": None})
        access = self.exchange(self.account()["refresh_token"]).json["accessToken"]
        found = verified(access, public_key(self.client.call("GET", "/.well-known/jwks.json").json["keys"][0]))
        self.assertEqual((found["exp"], "iat" in found), ("1700001200", False))

    def test_log_and_invariants(self) -> None:
        account = self.account()
        self.sim.post("/forget")
        since = self.sim.state()["last_seq"]
        seen = self.exchange(account["refresh_token"])
        text = str(self.sim.log(since=since))
        for secret in (account["refresh_token"], seen.json["accessToken"]):
            self.assertNotIn(secret.split(".")[2], text)
        self.assertIn("<rt:", self.sim.log(since=since)[0]["form"]["refreshToken"])
        self.assertEqual(self.sim.check(final_gap_s=60, budget=1), [])
        self.exchange(account["refresh_token"])
        self.exchange(account["refresh_token"])
        found = [found["invariant"] for found in self.sim.check(final_gap_s=60)]
        self.assertEqual(sorted(set(found)), ["called_after_final", "presented_after_refusal", "spent_after_delivered_success"])
        self.assertNotIn("called_after_final", [found["invariant"] for found in self.sim.check()], "only when asked for")


if __name__ == "__main__":
    unittest.main()
