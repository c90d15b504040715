"""What the self-tests share: a running simulator and a raw client of its Webroot persona."""
import base64
import itertools
import unittest
from typing import Any
from urllib.parse import urlencode

from client import Simulator
from raw_client import RawClient, Seen

NUMBERS = itertools.count(1)
FORM = "application/x-www-form-urlencoded"
CLIENT, SECRET = "client_Test@example.com", "cs_test_webroot_1"


def basic(client: str = CLIENT, secret: str = SECRET) -> str:
    return "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()


class Case(unittest.TestCase):
    sim: Simulator

    @classmethod
    def setUpClass(cls) -> None:
        cls.sim = Simulator("--seed", "7")
        cls.addClassCleanup(cls.sim.stop)

    def setUp(self) -> None:
        self.sim.post("/clear")
        self.sim.switch("webroot", old_rt="reject", grace_s=5, access_lifetime_s=299, error_style="plain",
                        basic_decoding="raw", user_agent_required=True, scope_style="array_in_string")
        self.client = RawClient(self.sim.port("webroot"), self.sim.ca_file)
        self.addCleanup(self.client.close)

    def open(self, persona: str) -> RawClient:
        """A raw client of another persona, instead of Webroot's."""
        self.client = RawClient(self.sim.port(persona), self.sim.ca_file)
        self.addCleanup(self.client.close)
        return self.client

    def account(self) -> dict[str, Any]:
        return self.sim.seed("webroot", family=f"fam{next(NUMBERS)}")

    def form(self, authorization: str = "", **fields: str) -> Seen:
        return self.client.call("POST", "/auth/token", urlencode(fields).encode(), Content_Type=FORM,
                                Authorization=authorization)

    def refresh(self, token: str, **fields: str) -> Seen:
        return self.form(basic(), **{"grant_type": "refresh_token", "refresh_token": token, "scope": "ecom.shop",
                                     **fields})
