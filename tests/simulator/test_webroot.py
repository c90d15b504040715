"""Self-tests of the Webroot persona, by a raw client over real TLS."""
import unittest
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from case import CLIENT, FORM, SECRET, Case, basic


class Webroot(Case):
    def test_refresh_rotates(self) -> None:
        account = self.account()
        seen = self.refresh(account["refresh_token"])
        self.assertEqual((seen.status, seen.end), (200, "kept"))
        self.assertEqual(seen.json["expires_in"], 299)
        self.assertEqual(seen.json["scope"], '["ECom.Shop"]')
        self.assertEqual(seen.json["token_type"], "bearer")
        self.assertRegex(seen.json["refresh_token"], "^[0-9a-f]{32}$")
        self.assertNotEqual(seen.json["refresh_token"], account["refresh_token"])
        again = self.refresh(seen.json["refresh_token"])  # on the kept connection
        self.assertEqual(again.status, 200)
        old = self.refresh(account["refresh_token"])
        self.assertEqual((old.status, old.json), (400, {"error": "invalid_grant"}))
        counters = self.sim.family(account["family"])["counters"]
        self.assertEqual((counters["spent"], counters["rejected"]), (2, 1))
        self.assertEqual((counters["double_spent_after_delivered"], counters["used_after_successor_used"]), (1, 1))

    def test_request_rules(self) -> None:
        good = {"grant_type": "refresh_token", "refresh_token": self.account()["refresh_token"], "scope": "ecom.shop"}
        body = urlencode(good).encode()
        for want, error, seen in [
            (405, "invalid_request", self.client.call("GET", "/auth/token", Authorization=basic())),
            (403, "", self.client.call("POST", "/auth/token", body, Content_Type=FORM, User_Agent="plain")),
            (403, "", self.client.call("POST", "/auth/token", body, Content_Type=FORM, User_Agent="")),
            (415, "invalid_request", self.client.call("POST", "/auth/token", b"{}", Content_Type="application/json")),
            (400, "invalid_request", self.form(basic(), client_id=CLIENT, client_secret=SECRET, **good)),
            (401, "invalid_client", self.form(basic(secret="wrong"), **good)),
            (400, "invalid_client", self.form(client_id=CLIENT, client_secret="wrong", **good)),
            (400, "invalid_request", self.form(basic(), **{**good, "scope": ""})),
            (400, "invalid_scope", self.form(basic(), **{**good, "scope": "ecom.nothing"})),
            (400, "unsupported_grant_type", self.form(basic(), **{**good, "grant_type": "magic"})),
            (400, "invalid_grant", self.form(basic(), **{**good, "refresh_token": "0" * 32})),
            (400, "invalid_request", self.client.call("POST", "/auth/token", body + b"&scope=x", Content_Type=FORM,
                                                      Authorization=basic())),
            (404, "not_found", self.client.call("GET", "/elsewhere")),
            (200, "", self.form(client_id=CLIENT, client_secret=SECRET, **good)),
        ]:
            with self.subTest(want=want, error=error):
                self.assertEqual(seen.status, want)
                self.assertEqual(seen.json.get("error", "") if seen.status != 403 else "", error)

    def test_basic_raw_and_form(self) -> None:
        secret = "p+s/s=w:rd%1 é"
        self.sim.seed("webroot", client_id="client_Ab12Cd34@example.com", client_secret=secret, first=False)
        raw, coded = (basic("client_Ab12Cd34@example.com", secret),
                      basic("client_Ab12Cd34%40example.com", quote(secret, safe="").replace("%20", "+")))
        for decoding, good, bad in (("raw", raw, coded), ("form", coded, raw)):
            self.sim.switch("webroot", basic_decoding=decoding)
            fields = {"grant_type": "password", "username": "ops@example.com", "password": "pw_test_webroot_1",
                      "scope": "ECom.Shop SkyStatus.Reporting"}
            self.assertEqual(self.form(good, **fields).json["scope"], '["ECom.Shop","SkyStatus.Reporting"]')
            self.assertEqual(self.form(bad, **fields).status, 401)

    def test_authorization_code(self) -> None:
        self.account()
        query = urlencode({"client_id": CLIENT, "response_type": "code", "redirect_uri": "http://localhost/cb",
                           "state": "s 1", "scope": "ecom.shop"})
        place = urlsplit(self.client.call("GET", f"/auth/authorize?{query}").headers["location"])
        answer = parse_qs(place.query)
        self.assertEqual(answer["state"], ["s 1"])
        fields = {"grant_type": "authorization_code", "code": answer["code"][0], "scope": "ecom.shop"}
        self.assertEqual(self.form(basic(), redirect_uri="http://localhost/cb", **fields).status, 200)
        self.assertEqual(self.form(basic(), redirect_uri="http://localhost/cb", **fields).json["error"], "invalid_grant")

    def test_error_style_nested(self) -> None:
        self.sim.switch("webroot", error_style="nested")
        seen = self.refresh("0" * 32)
        self.assertEqual(seen.body, b'{"error": "invalid_request", "error_description": "{\\"error\\":\\"invalid_grant\\"}"}')

    def test_access_token_is_valid_until_it_expires(self) -> None:
        account = self.account()
        self.sim.switch("webroot", access_lifetime_s=2)
        token = self.refresh(account["refresh_token"]).json["access_token"]
        bearer = f"Bearer {token}"
        self.assertEqual(self.client.call("GET", "/service/api/status", Authorization=bearer).status, 200)
        self.assertTrue(self.sim.post("/valid", persona="webroot", token=token)["valid"])
        self.sim.post("/advance", seconds=3)
        refused = self.client.call("GET", "/service/api/status", Authorization=bearer)
        self.assertEqual((refused.status, refused.headers["www-authenticate"]), (401, 'Bearer error="invalid_token"'))

    def test_old_token_policies(self) -> None:
        for policy in ("reject", "grace", "revoke_family", "still_valid"):
            with self.subTest(policy=policy):
                self.sim.switch("webroot", old_rt=policy, grace_s=30)
                account = self.account()
                first = self.refresh(account["refresh_token"]).json
                second = self.refresh(account["refresh_token"])
                newest = self.refresh(first["refresh_token"])
                self.assertEqual(second.status, 200 if policy in ("grace", "still_valid") else 400)
                self.assertEqual(newest.status, 400 if policy == "revoke_family" else 200)
                if policy == "grace":
                    self.assertEqual(second.json["refresh_token"], first["refresh_token"])
                    self.assertEqual(second.json["access_token"], first["access_token"])
                    self.assertEqual(self.refresh(account["refresh_token"]).status, 400)  # its successor was used
                if policy == "still_valid":
                    self.assertNotEqual(second.json["refresh_token"], first["refresh_token"])
                bearer = f"Bearer {first['access_token']}"
                status = self.client.call("GET", "/service/api/status", Authorization=bearer).status
                self.assertEqual(status, 401 if policy == "revoke_family" else 200)

    def test_grace_ends(self) -> None:
        self.sim.switch("webroot", old_rt="grace", grace_s=5)
        account = self.account()
        self.assertEqual(self.refresh(account["refresh_token"]).status, 200)
        self.sim.post("/advance", seconds=6)
        self.assertEqual(self.refresh(account["refresh_token"]).status, 400)

    def test_grace_with_an_expired_access_token(self) -> None:
        self.sim.switch("webroot", old_rt="grace", grace_s=60, access_lifetime_s=2)
        account = self.account()
        self.assertEqual(self.refresh(account["refresh_token"]).json["expires_in"], 2)
        self.sim.post("/advance", seconds=10)
        self.assertEqual(self.refresh(account["refresh_token"]).json["expires_in"], 0)

    def test_refresh_token_expires(self) -> None:
        account = self.account()
        self.sim.post("/advance", seconds=14 * 86_400 + 1)
        self.assertEqual(self.refresh(account["refresh_token"]).json, {"error": "invalid_grant"})

    def test_revoked_by_control(self) -> None:
        account = self.account()
        self.sim.post("/revoke", persona="webroot", account=account["family"])
        self.assertEqual(self.refresh(account["refresh_token"]).status, 400)


if __name__ == "__main__":
    unittest.main()
