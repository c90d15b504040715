"""Self-tests of the Threekit persona, by a raw client over real TLS."""
import unittest

from case import FORM, Case
from raw_client import RawClient, Seen


class Threekit(Case):
    def get(self, target: str, **headers: str) -> Seen:
        return self.client.call("GET", target, b"", False, **headers)

    def setUp(self) -> None:
        super().setUp()
        self.sim.switch("threekit", domain_policy="cors_only", wildcard=True)
        self.client = RawClient(self.sim.port("threekit"), self.sim.ca_file)
        self.addCleanup(self.client.close)
        self.private = self.sim.seed("threekit", name="priv")["token"]
        self.public = self.sim.seed("threekit", name="pub", permissions="public",
                                    domains=["shop.example.com", "*.example.org"])["token"]

    def test_bearer_in_header_or_query(self) -> None:
        products = "/api/catalog/products?name=x"
        self.assertEqual(self.get(products, Authorization=f"Bearer {self.private}").status, 200)
        self.assertEqual(self.get(f"{products}&bearer_token={self.public}", Origin="https://shop.example.com").status, 200)
        self.assertEqual(self.get(products).status, 401)
        unknown = self.get(products, Authorization="Bearer 8f14e45f-ceea-467f-a8d2-1b2c3d4e5f60")
        self.assertEqual((unknown.status, unknown.headers["www-authenticate"]), (401, 'Bearer error="invalid_token"'))
        self.sim.post("/forget")
        self.get(f"{products}&bearer_token={self.public}")
        self.assertEqual(self.sim.check(), [])
        self.get(f"{products}&bearer_token={self.private}")
        self.assertEqual([found["invariant"] for found in self.sim.check()], ["secret_in_url"])

    def test_domains(self) -> None:
        target = f"/api/catalog/products?bearer_token={self.public}"
        for policy, wildcard, origin, status, cors in [
            ("cors_only", True, "https://evil.example.net", 200, False), ("cors_only", True, "https://shop.example.com", 200, True),
            ("enforce", True, "https://evil.example.net", 403, False), ("enforce", True, "https://SHOP.example.com:444", 200, True),
            ("enforce", True, "https://a.b.example.org", 200, True), ("enforce", True, "https://example.org", 403, False),
            ("enforce", True, "https://evilexample.org", 403, False), ("enforce", False, "https://a.example.org", 403, False),
            ("enforce", True, "", 403, False),
        ]:
            with self.subTest(policy=policy, wildcard=wildcard, origin=origin):
                self.sim.switch("threekit", domain_policy=policy, wildcard=wildcard)
                seen = self.get(target, Origin=origin)
                self.assertEqual(seen.status, status)
                self.assertEqual(seen.headers.get("access-control-allow-origin"), origin if cors else None)

    def test_preflight(self) -> None:
        seen = self.client.call("OPTIONS", f"/api/catalog/products?bearer_token={self.public}",
                                Origin="https://shop.example.com", Access_Control_Request_Method="GET")
        self.assertEqual((seen.status, seen.headers["access-control-allow-origin"]), (204, "https://shop.example.com"))
        seen = self.client.call("OPTIONS", f"/api/catalog/products?bearer_token={self.public}", Origin="https://x.net")
        self.assertNotIn("access-control-allow-origin", seen.headers)

    def test_two_different_tokens(self) -> None:
        seen = self.get(f"/api/catalog/products?bearer_token={self.public}", Authorization=f"Bearer {self.private}")
        self.assertEqual(seen.status, 400)
        same = self.get(f"/api/catalog/products?bearer_token={self.public}", Authorization=f"Bearer {self.public}")
        self.assertEqual(same.status, 200)

    def test_bad_token_wishes(self) -> None:
        private = f"Bearer {self.private}"
        for body, kind, status in [(b"name=x", FORM, 415), (b"{", "application/json", 422), (b"[]", "application/json", 422),
                                   (b'{"name": "x", "permissions": "some"}', "application/json", 422),
                                   (b"[" * 50_000, "application/json", 422)]:
            with self.subTest(body=body[:20]):
                seen = self.client.call("POST", "/api/accesstokens", body, Content_Type=kind, Authorization=private)
                self.assertEqual(seen.status, status)
        self.assertEqual(self.client.call("PUT", "/api/accesstokens", Authorization=private).status, 405)
        self.assertEqual(self.client.call("POST", "/api/catalog/products", Authorization=private).status, 405)
        self.assertEqual(self.get("/api/accesstokens").headers["www-authenticate"], 'Bearer error="invalid_token"')

    def test_revoked_and_valid(self) -> None:
        self.assertTrue(self.sim.redeem("threekit", self.public)["accepted"])
        self.sim.post("/revoke", persona="threekit", account="pub")
        self.assertFalse(self.sim.post("/valid", persona="threekit", token=self.public)["valid"])
        self.assertEqual(self.get("/api/catalog/products", Authorization=f"Bearer {self.public}").status, 401)

    def test_access_tokens(self) -> None:
        private = f"Bearer {self.private}"
        body = b'{"name": "made", "permissions": "public", "domains": ["localhost"], "orgId": "org-1"}'
        made = self.client.call("POST", "/api/accesstokens", body, Content_Type="application/json", Authorization=private)
        self.assertEqual((made.status, made.json["name"]), (200, "made"))
        listed = {one["name"] for one in self.get("/api/accesstokens", Authorization=private).json}
        self.assertLessEqual({"priv", "pub", "made"}, listed)
        self.assertEqual(self.get("/api/accesstokens", Authorization=f"Bearer {self.public}").status, 403)
        place = f"/api/accesstokens/{made.json['id']}"
        other = self.sim.seed("threekit", name="other", org="org-2")["token"]
        self.assertEqual(self.client.call("DELETE", place, Authorization=f"Bearer {other}").status, 404)
        self.sim.post("/forget")
        self.assertEqual(self.client.call("DELETE", place, Authorization=private).status, 204)
        self.assertEqual(self.sim.check(), [], "the API wants the id, which is the token, in this path")
        self.assertEqual(self.client.call("DELETE", place, Authorization=private).status, 404)
        gone = self.get("/api/catalog/products", Authorization=f"Bearer {made.json['id']}")
        self.assertEqual(gone.status, 401)


if __name__ == "__main__":
    unittest.main()
