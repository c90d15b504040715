"""A BrokerCase for tests of providers by the command: what it prints and how it fails, and the simulator's judgement at the end."""
from typing import Any

from harness.case import BrokerCase
from harness.clients import Clients

USER = "64943d471dc01e086ac887ee"


class ProviderCase(BrokerCase):
    def setUp(self) -> None:
        super().setUp()
        self.clients = Clients(self.sim, self.folder)
        for persona, state in self.sim.state()["personas"].items():
            self.sim.switch(persona, **self.switches.setdefault(persona, state["switches"]))
        self.sim.post("/forget")
        self.ignored: list[str] = []
        self.addCleanup(self.judge)

    switches: dict[str, Any] = {}  # as they were at the start of the class

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.switches = {}

    def judge(self) -> None:
        """Runs once the test and its daemon have ended."""
        self.assertEqual(self.sim.check(ignore=self.ignored), [])
        if self.daemon is not None:
            self.assert_no_secrets("the log", self.daemon.log())

    def ok(self, *arguments: str, stdin: str = "") -> str:
        """What a command prints that must succeed, without its last line break."""
        ran = self.cli(*arguments, stdin=stdin)
        self.assertEqual(ran.code, 0, f"{arguments}: {ran.err}{self.daemon.log()[-1500:] if self.daemon else ''}")
        self.assert_no_secrets("standard error", ran.err)
        return ran.out.removesuffix("\n")

    def fails(self, code: int, words: list[str], *arguments: str, stdin: str = "") -> str:
        """A command that must fail with this exit status and all of these words; no secret among them."""
        ran = self.cli(*arguments, stdin=stdin)
        self.assertEqual(ran.code, code, f"{arguments}: {ran}")
        for word in words:
            self.assertIn(word, ran.err)
        self.assertEqual(ran.out, "")
        self.assert_no_secrets("standard error", ran.err)
        return ran.err

    def good(self, persona: str, token: str) -> bool:
        return bool(self.sim.post("/valid", persona=persona, token=token)["valid"])

    def calls(self, persona: str, **wish: Any) -> list[dict[str, Any]]:
        return list(self.sim.log(persona=persona, **wish))

    def state(self, account: str) -> str:
        return str(self.status(self.daemon, account)["state"])
