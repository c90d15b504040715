"""A daemon with one account for each kind of access rule, and actors to try them. Needs root: the actors are other users.

The accounts hold static tokens, so nothing here talks to a provider. 4711 (or the group 4800, a unit, a program) has the right,
4712 has none.
"""
import hashlib
import os
import unittest
from pathlib import Path
from typing import Any

from harness.actor import Actor, interpreter
from harness.case import DaemonCase
from harness.daemon import Daemon

FRIEND, STRANGER, GROUP, NOBODY = 4711, 4712, 4800, 65534
RULES = {"uid": f'"uid:{FRIEND}"', "gid": f'"gid:{GROUP}"', "unit": '"unit:game-server@*.service"',
         "cgroup": '"cgroup:/system.slice/game-server@*.service"', "exe": '{{ uid = %d, exe = "{game}" }}' % FRIEND,
         "sha": '{{ uid = %d, exe_sha256 = "{sha}" }}' % FRIEND, "root": '"uid:4799"'}
REFUSED = "UnknownAccount"  # the very answer for an account that isn't there


@unittest.skipUnless(os.geteuid() == 0, "needs root: the callers are other users")
class AttackCase(DaemonCase):
    game: str  # the program that the rules on `exe` and `exe_sha256` allow
    evil: str  # another one

    def setUp(self) -> None:
        super().setUp()
        self.folder.chmod(0o755)
        self.game, self.evil = interpreter(self.folder / "game"), interpreter(self.folder / "evil")
        with open(self.evil, "ab") as program:  # another content too, as its hash tells
            program.write(b"evil")

    def config(self) -> str:
        sha = hashlib.sha256(Path(self.game).read_bytes()).hexdigest()
        text = '[clients.models]\nprovider = "threekit"\nenvironment = "preview"\n'
        for name, rule in RULES.items():
            text += f'[[access]]\naccounts = ["models/{name}"]\nallow = [{rule.format(game=self.game, sha=sha)}]\n'
        return text

    def token(self, name: str) -> str:
        return f"8f14e45f-ceea-467f-a8d2-{int.from_bytes(name.encode().ljust(6)[:6], 'big'):012x}"

    def serve(self, **options: Any) -> Daemon:
        daemon = self.begin(self.config(), **options)
        with daemon.admin() as admin:
            for name in RULES:
                admin.call("AddAccount", account=f"models/{name}", secrets={"token": self.token(name)})
        return daemon

    def actor(self, program: str | None = None, **options: Any) -> Actor:
        actor = Actor(program or self.evil, **options)
        self.addCleanup(actor.close)
        return actor

    def asks(self, actor: Actor, name: str) -> str:
        """What the actor gets for models/NAME on a connection of its own."""
        assert self.daemon is not None
        return str(actor.do("out = fresh(path, account)", path=self.daemon.tokens_socket, account=f"models/{name}"))

    def connects(self, actor: Actor) -> None:
        """Opens the actor's connection `s`, which its children and its next program inherit."""
        assert self.daemon is not None
        actor.do("s = connect(path); s.set_inheritable(True)", path=self.daemon.tokens_socket)

    def gets(self, actor: Actor, name: str) -> str:
        """What it gets on the connection that is open already."""
        return str(actor.do("out = get(s, account)", account=f"models/{name}"))

    def assert_only(self, actor: Actor, *allowed: str) -> None:
        """Exactly these accounts' tokens, and for all others the answer of an account that isn't there."""
        for name in RULES:
            with self.subTest(account=name):
                self.assertEqual(self.asks(actor, name), self.token(name) if name in allowed else REFUSED)
