"""Self-tests of the OAuth2 persona: grants, rotation, revocation, discovery, quirks."""
import base64
import json
import unittest
import urllib.request
from datetime import datetime

from case import FORM, basic
from client import Simulator
from oauth2_case import CLIENT, SECRET, OAuth2Case


class Grants(OAuth2Case):
    def test_refresh(self) -> None:
        account = self.account()
        seen = self.refresh(account["refresh_token"])
        self.assertEqual(seen.status, 200)
        self.assertEqual((seen.json["token_type"], seen.json["expires_in"], seen.json["scope"]), ("Bearer", 3600, "read write"))
        self.assertEqual(seen.headers["cache-control"], "no-store")
        self.assertEqual(self.refresh(seen.json["refresh_token"], scope="read").json["scope"], "read")
        self.refused(self.refresh(account["refresh_token"]), 400, "invalid_grant")
        self.refused(self.refresh("unknown"), 400, "invalid_grant")
        self.refused(self.refresh(self.account()["refresh_token"], scope="read admin"), 400, "invalid_scope")
        counters = self.sim.family(account["family"], "oauth2")["counters"]
        self.assertEqual((counters["spent"], counters["double_spent_after_delivered"]), (2, 1))

    def test_rotation_policies(self) -> None:
        for policy, again, successor in [("reject", 400, 200), ("grace", 200, 200), ("revoke_family", 400, 400),
                                         ("still_valid", 200, 200)]:
            with self.subTest(policy=policy):
                self.sim.switch("oauth2", old_rt=policy)
                token = self.account()["refresh_token"]
                fresh = self.refresh(token).json["refresh_token"]
                self.assertEqual(self.refresh(token).status, again)
                self.assertEqual(self.refresh(fresh).status, successor)

    def test_tokens_that_do_not_rotate(self) -> None:
        self.sim.switch("oauth2", old_rt="never")
        self.sim.post("/forget")
        token = self.account()["refresh_token"]
        self.assertNotIn("refresh_token", self.refresh(token).json)
        self.sim.switch("oauth2", refresh_reply="always")
        self.assertEqual(self.refresh(token).json["refresh_token"], token)
        self.assertEqual(self.sim.check(), [])

    def test_client_credentials(self) -> None:
        self.client_only()
        seen = self.token(grant_type="client_credentials", scope="read")
        self.assertEqual((seen.status, seen.json["scope"], "refresh_token" in seen.json), (200, "read", False))
        bearer = f"Bearer {seen.json['access_token']}"
        self.assertEqual(self.client.call("GET", "/resource/status", Authorization=bearer).json["client_id"], CLIENT)
        self.refused(self.token(grant_type="client_credentials", scope="admin"), 400, "invalid_scope")
        self.client_only(client_id="public-1", auth_method="none")
        self.refused(self.token("", grant_type="client_credentials", client_id="public-1"), 400, "unauthorized_client")

    def test_wrong_requests(self) -> None:
        self.client_only()
        self.refused(self.token(), 400, "invalid_request")
        self.refused(self.token(grant_type="password"), 400, "unsupported_grant_type")
        self.refused(self.token(grant_type="refresh_token"), 400, "invalid_request")
        twice = self.client.call("POST", "/oauth2/token", b"grant_type=a&grant_type=b", Content_Type=FORM)
        self.refused(twice, 400, "invalid_request")
        json_body = self.client.call("POST", "/oauth2/token", b"{}", Content_Type="application/json")
        self.refused(json_body, 400, "invalid_request")
        self.assertEqual(self.client.call("GET", "/oauth2/token").status, 405)
        self.assertEqual(self.client.call("POST", "/oauth2/authorize").status, 405)
        self.assertEqual(self.client.call("GET", "/nothing").status, 404)
        self.sim.switch("oauth2", required_params={"deployment_id": "d-1"})
        self.refused(self.token(grant_type="client_credentials"), 400, "invalid_request")
        self.assertEqual(self.token(grant_type="client_credentials", deployment_id="d-1").status, 200)

    def test_expiry_of_both_tokens(self) -> None:
        self.sim.switch("oauth2", access_lifetime_s=60, refresh_lifetime_s=600)
        account = self.account()
        self.sim.post("/advance", seconds=61)
        bearer = f"Bearer {account['access_token']}"
        self.assertEqual(self.client.call("GET", "/resource/status", Authorization=bearer).status, 401)
        self.sim.post("/advance", seconds=600)
        self.refused(self.refresh(account["refresh_token"]), 400, "invalid_grant")

    def test_revocation(self) -> None:
        account, other = self.account(), self.account()
        auth = basic(CLIENT, SECRET)
        self.assertEqual(self.post("/oauth2/revoke", auth, token="nobody-knows-it").status, 200)
        self.refused(self.post("/oauth2/revoke", auth), 400, "invalid_request")
        self.refused(self.post("/oauth2/revoke", basic(CLIENT, "wrong"), token="x"), 401, "invalid_client")
        self.client_only(client_id="client-2")
        self.refused(self.post("/oauth2/revoke", basic("client-2", SECRET), token=account["refresh_token"]), 400,
                     "unauthorized_client")
        self.assertEqual(self.post("/oauth2/revoke", auth, token=other["access_token"]).status, 200)
        self.assertFalse(self.sim.post("/valid", persona="oauth2", token=other["access_token"])["valid"])
        self.assertEqual(self.refresh(other["refresh_token"]).status, 200)
        revoked = self.post("/oauth2/revoke", auth, token=account["refresh_token"], token_type_hint="refresh_token")
        self.assertEqual((revoked.status, revoked.body), (200, b""))
        self.refused(self.refresh(account["refresh_token"]), 400, "invalid_grant")
        self.sim.switch("oauth2", revocation="refresh_only")
        self.refused(self.post("/oauth2/revoke", auth, token=account["access_token"]), 400, "unsupported_token_type")

    def test_discovery(self) -> None:
        base = "https://localhost"
        for path in ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"):
            found = self.client.call("GET", path).json
            self.assertEqual((found["issuer"], found["token_endpoint"]), (base, base + "/oauth2/token"))
            self.assertIn("S256", found["code_challenge_methods_supported"])
        self.sim.switch("oauth2", issuer="https://other.example.com")
        self.assertEqual(self.client.call("GET", path).json["issuer"], "https://other.example.com")
        with Simulator("--persona", "oauth2", "--http", "--set", "oauth2.token_chars=odd") as sim:
            place = sim.ready["personas"]["oauth2"]["http_url"]
            with urllib.request.urlopen(f"{place}{path}", timeout=5) as reply:
                self.assertEqual(json.load(reply)["token_endpoint"], f"{place}/oauth2/token")
        self.sim.switch("oauth2", discovery="off")
        self.assertEqual(self.client.call("GET", path).status, 404)


class Quirks(OAuth2Case):
    def test_scope_styles(self) -> None:
        token = self.account()["refresh_token"]
        for style, want in (("space", "read write"), ("array", ["read", "write"]), ("array_in_string", '["read","write"]'),
                            ("missing", None)):
            self.sim.switch("oauth2", scope_style=style)
            seen = self.refresh(token).json
            self.assertEqual(seen.get("scope"), want)
            token = seen["refresh_token"]
        self.sim.switch("oauth2", scope_style="space", grant_scopes="first")
        self.assertEqual(self.refresh(token).json["scope"], "read")

    def test_expiry_styles(self) -> None:
        self.client_only()
        for style, want in (("number", 3600), ("string", "3600"), ("float", 3600.0), ("missing", None)):
            self.sim.switch("oauth2", expiry_style=style)
            found = self.token(grant_type="client_credentials").json.get("expires_in")
            self.assertEqual((found, type(found)), (want, type(want)))
        self.sim.switch("oauth2", expiry_style="at_iso")
        text = self.token(grant_type="client_credentials").json["expires_at"]
        self.assertRegex(text, r"\.\d{3}Z$")
        now = self.sim.state()["now"]
        self.assertAlmostEqual(datetime.fromisoformat(text).timestamp(), now + 3600, delta=3)
        self.sim.switch("oauth2", expiry_style="at_epoch")
        self.assertAlmostEqual(self.token(grant_type="client_credentials").json["expires_at"], now + 3600, delta=5)

    def test_refresh_expires_in(self) -> None:
        token = self.account()["refresh_token"]
        for mode, want in (("none", None), ("number", 30 * 86_400), ("zero", 0)):
            self.sim.switch("oauth2", refresh_expires_in=mode)
            seen = self.refresh(token).json
            found, token = seen.get("refresh_expires_in"), seen["refresh_token"]
            self.assertEqual(found is None, want is None)
            self.assertAlmostEqual(found or 0, want or 0, delta=2)

    def test_error_styles(self) -> None:
        self.client_only()
        self.sim.switch("oauth2", error_style="twitch")
        seen = self.refresh("unknown")
        self.assertEqual((seen.status, seen.json), (400, {"status": 400, "message": "Invalid refresh token"}))
        seen = self.token(basic(CLIENT, "wrong"), grant_type="client_credentials")
        self.assertEqual((seen.status, seen.json["message"]), (403, "invalid client secret"))
        self.sim.switch("oauth2", error_style="object")
        self.assertEqual(self.refresh("unknown").json["error"]["code"], "invalid_grant")
        self.sim.switch("oauth2", error_style="ok")
        self.refused(self.refresh("unknown"), 200, "invalid_grant")

    def test_tokens_with_odd_characters(self) -> None:
        self.sim.switch("oauth2", token_chars="odd")
        account = self.account()
        self.assertTrue(account["refresh_token"].startswith("eg1~%6/+"))
        since = self.sim.state()["last_seq"]
        seen = self.refresh(account["refresh_token"])
        self.assertEqual(seen.status, 200)
        raw = f"grant_type=refresh_token&refresh_token={seen.json['refresh_token']}".encode()  # not encoded: another token
        wrong = self.client.call("POST", "/oauth2/token", raw, Content_Type=FORM, Authorization=basic(CLIENT, SECRET))
        self.refused(wrong, 400, "invalid_grant")
        self.assertNotIn(account["refresh_token"][8:], str(self.sim.log(since=since)))

    def test_a_given_refresh_token(self) -> None:
        given = "eyJfaWQmNzMtNGCJ9%6VFV5LNrZFUj8oU231/3Aj"
        self.account(refresh_token=given)
        self.assertEqual(self.refresh(given).status, 200)
        raw = base64.b64decode(self.sim.log(persona="oauth2", raw=1)[-1]["raw"])
        self.assertIn(b"&refresh_token=eyJfaWQmNzMtNGCJ9%256VFV5LNrZFUj8oU231%2F3Aj", raw)

    def test_validate_as_twitch_has_it(self) -> None:
        access = self.account()["access_token"]
        seen = self.client.call("GET", "/oauth2/validate", Authorization=f"OAuth {access}")
        self.assertEqual((seen.status, seen.json["client_id"], seen.json["scopes"]), (200, CLIENT, ["read", "write"]))
        seen = self.client.call("GET", "/oauth2/validate", Authorization="OAuth nothing")
        self.assertEqual((seen.status, seen.json), (401, {"status": 401, "message": "invalid access token"}))


if __name__ == "__main__":
    unittest.main()
