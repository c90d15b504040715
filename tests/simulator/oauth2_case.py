"""What the self-tests of the OAuth2 persona share: its default switches, a client, calls of its endpoints."""
from typing import Any
from urllib.parse import urlencode

from case import FORM, NUMBERS, Case, basic
from raw_client import Seen

DEFAULTS: dict[str, Any] = {
    "access_lifetime_s": 3600, "refresh_lifetime_s": 30 * 86_400, "old_rt": "reject", "grace_s": 5, "refresh_reply": "rotated",
    "basic_decoding": "form", "error_style": "rfc", "device_errors": "rfc", "expiry_style": "number",
    "refresh_expires_in": "none", "scope_style": "space", "grant_scopes": "all", "token_chars": "plain",
    "authorize": "approve", "pkce": "required", "discovery": "on", "issuer": "", "revocation": "all", "required_params": {},
    "device_lifetime_s": 900, "device_interval_s": 5, "device_scope_param": "scope", "verification": "full"}
CLIENT, SECRET = "client-1", "cs_test_oauth2_1"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class OAuth2Case(Case):
    def setUp(self) -> None:
        super().setUp()
        self.sim.switch("oauth2", **DEFAULTS)
        self.open("oauth2")

    def account(self, **wish: Any) -> dict[str, Any]:
        return self.sim.seed("oauth2", **{"family": f"oa{next(NUMBERS)}", **wish})

    def client_only(self, **wish: Any) -> dict[str, Any]:
        return self.sim.seed("oauth2", first=False, **wish)

    def post(self, path: str, authorization: str = "", **fields: str) -> Seen:
        return self.client.call("POST", path, urlencode(fields).encode(), Content_Type=FORM, Authorization=authorization)

    def token(self, authorization: str = basic(CLIENT, SECRET), **fields: str) -> Seen:
        return self.post("/oauth2/token", authorization, **fields)

    def refresh(self, token: str, **fields: str) -> Seen:
        return self.token(grant_type="refresh_token", refresh_token=token, **fields)

    def refused(self, seen: Seen, status: int, error: str) -> None:
        self.assertEqual((seen.status, seen.json["error"]), (status, error))
