"""The daemon as a process: sockets handed in by the service manager, reload, and the exit codes of the real command."""
import os
import threading
import time
import unittest

from harness.case import BrokerCase, threekit_client, webroot_client
from harness.cli import run
from harness.varlink import VarlinkError


class Process(BrokerCase):
    def setUp(self) -> None:
        super().setUp()
        self.sim.switch("webroot", old_rt="reject", access_lifetime_s=299, latency_ms=0)

    def test_handed_in_sockets_outlive_a_killed_daemon(self) -> None:
        daemon = self.begin(webroot_client(self.sim, self.folder), hand_in_sockets=True)
        self.enrol(daemon, "shop/main", "process-listen")
        before = self.get(daemon, "shop/main")["token"]
        inode = os.stat(daemon.tokens_socket).st_ino
        daemon.kill()
        ran = []
        caller = threading.Thread(target=lambda: ran.append(self.cli("get", "shop/main")))
        caller.start()  # connects to the listener and waits in its queue: there is no daemon
        caller.join(0.3)
        self.assertTrue(caller.is_alive(), "the caller must wait, not fail")
        daemon.start()
        caller.join(15)
        self.assertEqual((ran[0].code, ran[0].out), (0, before + "\n"), ran[0].err)
        self.assertEqual(os.stat(daemon.tokens_socket).st_ino, inode)

    def test_reload_is_all_or_nothing(self) -> None:
        shop = webroot_client(self.sim, self.folder)
        daemon = self.begin(shop)
        self.enrol(daemon, "shop/main", "process-reload")
        token = self.get(daemon, "shop/main")["token"]
        daemon.write_config(shop + '[clients.bad]\nprovider = "nobody"\n')
        with daemon.admin() as admin, self.assertRaises(VarlinkError) as wrong:
            admin.call("Reload")
        self.assertEqual(wrong.exception.short, "ConfigInvalid")
        self.assertIn("nobody", str(wrong.exception.parameters["mistakes"]))
        self.assertEqual(self.get(daemon, "shop/main")["token"], token)
        checked = daemon.run_with("--check")
        self.assertEqual(checked.returncode, 1)
        self.assertIn("tokenbroker.toml:", checked.stderr)
        daemon.write_config(shop + threekit_client(self.sim))
        self.assertEqual(self.cli("reload").code, 0)
        with daemon.admin() as admin:
            self.assertEqual({one["client"] for one in admin.call("ListClients")["clients"]}, {"shop", "models"})
        self.assertEqual(self.get(daemon, "shop/main")["token"], token)

    def test_two_daemons_cannot_share_a_state_folder(self) -> None:
        daemon = self.begin(webroot_client(self.sim, self.folder))
        second = daemon.run_with()
        self.assertNotEqual(second.returncode, 0)
        self.assertIn(str(daemon.state_dir), second.stderr)
        self.enrol(daemon, "shop/main", "process-lock")

    def test_exit_codes(self) -> None:
        daemon = self.begin(webroot_client(self.sim, self.folder))
        self.enrol(daemon, "shop/main", "process-codes")
        self.enrol(daemon, "shop/dead", "process-dead")
        self.sim.post("/revoke", persona="webroot", account="process-dead")
        self.assertEqual(self.cli("renew", "shop/dead").code, 4)
        self.sim.arm("status", status=503, count=0)
        time.sleep(1.2)  # now no token of 299 s has 298 s left, so that the wish below needs a renewal
        wish = ("--min-remaining", "298s", "--timeout", "300ms")
        for code, words in ((0, ("get", "shop/main")), (2, ("get",)), (3, ("get", "shop/nobody")),
                            (4, ("get", "shop/dead", *wish)), (5, ("renew", "shop/main")), (0, ("status",)),
                            (125, ("exec", "T=shop/nobody", "--", "true")), (7, ("exec", "T=shop/main", "--", "sh", "-c", "exit 7"))):
            with self.subTest(words=words):
                ran = self.cli(*words)
                self.assertEqual(ran.code, code, ran)
        daemon.stop()
        self.assertEqual(self.cli("get", "shop/main").code, 6)
        self.assertEqual(run("/nonexistent/tokens.sock", "get", "shop/main").code, 6)


if __name__ == "__main__":
    unittest.main()
