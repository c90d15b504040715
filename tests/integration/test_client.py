"""libtokenbroker against the real daemon and the simulator: the example's game loop keeps a good token over renewals, a kill and a
restart of the daemon, and an account that is removed."""
import re
import subprocess
import threading
import time
import unittest

from harness.case import BrokerCase, webroot_client
from harness.paths import binary

AHEAD = 'policy = "ahead"'


class Game:
    """example_game_loop as a child; its lines as they come."""

    def __init__(self, socket: str, account: str, frames: int) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen([binary("example_game_loop"), account, socket, "--frames", str(frames), "--fps", "100"],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def generations(self) -> list[int]:
        return [int(found[1]) for line in list(self.lines) if (found := re.match(r"generation (\d+),", line))]

    def has(self, text: str) -> bool:
        return any(text in line for line in list(self.lines))

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Client(BrokerCase):
    def setUp(self) -> None:
        super().setUp()
        self.sim.switch("webroot", old_rt="revoke_family", access_lifetime_s=299, latency_ms=0)

    def play(self, account: str = "shop/main", frames: int = 6000) -> Game:
        assert self.daemon is not None
        game = Game(self.daemon.tokens_socket, account, frames)
        self.addCleanup(game.close)
        return game

    def test_renewals_reach_the_game(self) -> None:
        self.sim.switch("webroot", access_lifetime_s=2)
        daemon = self.begin(webroot_client(self.sim, self.folder, more=AHEAD))
        self.enrol(daemon, "shop/main", "client-renewals")
        game = self.play()
        self.until("four generations", lambda: len(game.generations()) >= 4)
        seen = game.generations()
        self.assertEqual(seen, list(range(seen[0], seen[0] + len(seen))))
        self.assert_no_secrets("the example's output", "\n".join(game.lines))

    def test_restarts_of_the_daemon(self) -> None:
        daemon = self.begin(webroot_client(self.sim, self.folder))
        self.enrol(daemon, "shop/main", "client-restarts")
        game = self.play()
        self.until("the token", lambda: game.generations() == [1])
        for end in (daemon.kill, daemon.stop):
            end()
            time.sleep(1.2)  # the example looks at the state once a second
            self.assertIsNone(game.process.poll())
            daemon.start()
            self.assertEqual(self.cli("renew", "shop/main").code, 0)
            wanted = self.get(daemon, "shop/main")["generation"]
            self.until("the new token", lambda: game.generations()[-1] == wanted)  # pylint: disable=W0640
        self.assertTrue(game.has("tokenbrokerd") or game.has("no such file") or game.has("nobody listens"), game.lines)

    def test_removed_and_unknown(self) -> None:
        daemon = self.begin(webroot_client(self.sim, self.folder))
        self.enrol(daemon, "shop/main", "client-removed")
        game, other = self.play(), self.play("shop/none")
        self.until("the token", lambda: game.generations() == [1])
        self.assertEqual(self.cli("account", "remove", "shop/main").code, 0)
        # "was removed" until the library has asked again; the game looks once a second, and prints what is new.
        self.until("it is told", lambda: game.has("was removed") or game.has("no such account"))
        self.until("it is told", lambda: other.has("no such account"))
        self.assertEqual(other.generations(), [])


if __name__ == "__main__":
    unittest.main()
