"""Attempts to get a token without the right to it, by what a process can do to itself and to files; against the real daemon.

Each test first shows that the rule it attacks lets the right caller in, so that a refusal means something.
"""
import os
import signal
import threading
import unittest

from harness.actor import Actor, fork_with_pid, interpreter
from harness.attack_case import FRIEND, GROUP, NOBODY, REFUSED, STRANGER, AttackCase
from harness.case import BrokerCase, webroot_client

LEAVE_A_CHILD = """
pid = os.fork()          # the child keeps the connection, and goes on in our place
if pid: os._exit(0)
out = os.getpid()
"""


class Processes(AttackCase):
    def test_who_may_what(self) -> None:
        self.serve()
        self.assert_only(self.actor(uid=STRANGER))
        self.assert_only(self.actor(uid=FRIEND), "uid")
        self.assert_only(self.actor(self.game, uid=FRIEND), "uid", "exe", "sha")
        self.assert_only(self.actor(self.game, uid=STRANGER))
        self.assert_only(self.actor(uid=STRANGER, gid=GROUP), "gid")
        self.assert_only(self.actor(uid=STRANGER, groups=(7, GROUP)), "gid")

    def recycle(self, pid: int) -> bool:
        """The right program runs under that number now, by the right user."""
        if not fork_with_pid(pid, FRIEND, [self.game, "-I", "-c", "import time; time.sleep(60)"]):
            return False
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.kill, pid, signal.SIGKILL)
        self.until("the program runs", lambda: os.stat(f"/proc/{pid}/exe").st_ino == os.stat(self.game).st_ino)
        self.assertEqual(os.stat(f"/proc/{pid}").st_uid, FRIEND)
        return True

    def leave(self, actor: Actor) -> int:
        """The actor's child has the connection and goes on; the actor has ended and is reaped. Its number."""
        self.assertGreater(actor.do(LEAVE_A_CHILD), 0)
        actor.process.wait()
        self.addCleanup(actor.do, "os._exit(0) if os.fork() == 0 else None")
        return actor.pid

    def test_a_recycled_pid_between_call_and_connect(self) -> None:
        """The process that connected is gone; its number is the allowed program's now."""
        self.serve()
        self.assertEqual(self.asks(self.actor(self.game, uid=FRIEND), "exe"), self.token("exe"))
        for _ in range(20):
            actor = self.actor(uid=FRIEND)
            self.connects(actor)
            self.assertEqual(self.gets(actor, "exe"), REFUSED)
            if self.recycle(self.leave(actor)):
                break
        else:
            self.fail("20 pids were all taken by others")
        for name in ("exe", "sha", "unit", "cgroup"):
            self.assertEqual(self.gets(actor, name), REFUSED, name)
        # What rests on the user alone holds: passing on a descriptor is delegation.
        self.assertEqual(self.gets(actor, "uid"), self.token("uid"))

    def test_a_recycled_pid_between_connect_and_accept(self) -> None:
        """The daemon sees the connection for the first time when the number is already another's."""
        daemon = self.serve()
        assert daemon.process is not None
        for _ in range(20):
            actor = self.actor(uid=FRIEND)
            daemon.process.send_signal(signal.SIGSTOP)
            try:
                self.connects(actor)
                recycled = self.recycle(self.leave(actor))
            finally:
                daemon.process.send_signal(signal.SIGCONT)
            if recycled:
                break
        else:
            self.fail("20 pids were all taken by others")
        for name in ("exe", "sha", "unit", "cgroup"):
            self.assertEqual(self.gets(actor, name), REFUSED, name)

    def test_exec_of_another_program_after_connecting(self) -> None:
        self.serve()
        actor = self.actor(self.game, uid=FRIEND)
        self.connects(actor)
        self.assertEqual(self.gets(actor, "exe"), self.token("exe"))
        self.assertEqual(self.gets(actor, "sha"), self.token("sha"))
        actor.do("become(program, s)", program=self.evil)
        for name in ("exe", "sha"):
            self.assertEqual(self.gets(actor, name), REFUSED, name)
        self.assertEqual(self.gets(actor, "uid"), self.token("uid"))

    def test_a_fork_that_executes_the_allowed_program_gives_its_parent_nothing(self) -> None:
        self.serve()
        actor = self.actor(uid=FRIEND)
        self.connects(actor)
        actor.do("pid = os.fork()\nif not pid: os.execv(game, [game, '-I', '-c', 'import time; time.sleep(60)'])\nout = pid", game=self.game)
        child = actor.do("out = pid")
        self.addCleanup(os.kill, child, signal.SIGKILL)
        self.until("it runs", lambda: os.stat(f"/proc/{child}/exe").st_ino == os.stat(self.game).st_ino)
        for name in ("exe", "sha"):
            self.assertEqual(self.gets(actor, name), REFUSED, name)

    def test_a_program_with_the_friends_rights_run_after_connecting(self) -> None:
        """A set-user-ID program inherits the stranger's connection: it stays the stranger's."""
        self.serve()
        setuid = interpreter(self.folder / "setuid")
        os.chown(setuid, FRIEND, FRIEND)
        os.chmod(setuid, 0o4755)
        actor = self.actor(uid=STRANGER)
        self.connects(actor)
        actor.do("become(program, s)", program=setuid)
        if actor.do("out = os.geteuid()") != FRIEND:
            self.skipTest(f"{self.folder} is mounted nosuid")
        self.assertEqual(self.asks(actor, "uid"), self.token("uid"))
        self.assertEqual(self.gets(actor, "uid"), REFUSED)

    def test_groups_taken_after_connecting(self) -> None:
        self.serve()
        actor = self.actor(uid=0)  # as root, to take what groups it likes; a stranger when it connects
        actor.do("os.setgroups([7]); os.setegid(4712); os.seteuid(4712)")
        self.connects(actor)
        actor.do("os.seteuid(0); os.setgroups([group]); os.setegid(group); os.seteuid(4712)", group=GROUP)
        self.assertEqual(actor.do("out = os.getgroups()"), [GROUP])
        self.assertEqual(self.asks(actor, "gid"), self.token("gid"))
        self.assertEqual(self.gets(actor, "gid"), REFUSED)
        # Nor the other way round: root when it asks, a stranger when it connected.
        actor.do("os.seteuid(0)")
        self.assertEqual(self.gets(actor, "root"), REFUSED)
        self.assertEqual(self.asks(actor, "root"), self.token("root"))

    def test_nobody(self) -> None:
        """65534 is everybody of a foreign user namespace: in no rule, and no other right helps it."""
        daemon = self.serve()
        self.assert_only(self.actor(uid=NOBODY, gid=GROUP))
        self.assert_only(self.actor(self.game, uid=NOBODY, gid=NOBODY, groups=(GROUP,)))
        self.assert_only(self.actor(uid=FRIEND, gid=NOBODY), "uid")
        for selector in ("uid:65534", "gid:65534", "user:nobody", "group:nogroup"):
            daemon.write_config(self.config() + f'[[access]]\naccounts = ["models/uid"]\nallow = ["{selector}"]\n')
            checked = daemon.run_with("--check")
            self.assertEqual(checked.returncode, 1, selector)
            self.assertIn("65534", checked.stderr)


class Files(AttackCase):
    def test_names_say_nothing(self) -> None:
        """Links to another program, and another program under names like the allowed one's."""
        self.serve()
        for name in ("game (deleted)", "game\n", "GAME"):
            self.assert_only(self.actor(interpreter(self.folder / name) if name != "GAME" else self.evil, uid=FRIEND), "uid",
                             *(["sha"] if name != "GAME" else []))
        link = self.folder / "folder" / "game"
        link.parent.mkdir(mode=0o755)
        link.symlink_to(self.evil)
        self.assert_only(self.actor(str(link), uid=FRIEND), "uid")
        link.unlink()
        link.symlink_to(self.game)  # by whatever name, it is the allowed program
        self.assert_only(self.actor(str(link), uid=FRIEND), "uid", "exe", "sha")

    def test_a_rule_by_a_symbolic_link_means_what_it_led_to(self) -> None:
        link = self.folder / "link"
        link.symlink_to(self.game)
        self.game, real = str(link), self.game
        self.serve()
        self.assertEqual(self.asks(self.actor(real, uid=FRIEND), "exe"), self.token("exe"))
        link.unlink()
        link.symlink_to(self.evil)
        self.assertEqual(self.asks(self.actor(str(link), uid=FRIEND), "exe"), REFUSED)

    def test_a_program_put_in_the_allowed_ones_place(self) -> None:
        """Renamed over it, started, and taken away again."""
        self.serve()
        aside = self.folder / "aside"
        os.rename(self.game, aside)
        os.rename(self.evil, self.game)
        actor = self.actor(self.game, uid=FRIEND)
        self.assert_only(actor, "uid")
        os.unlink(self.game)  # now it runs a deleted file whose name was the right one
        self.assertIn("game (deleted)", os.readlink(f"/proc/{actor.pid}/exe"))
        self.assert_only(actor, "uid")
        os.rename(aside, self.game)
        self.assert_only(actor, "uid")

    def test_the_number_of_a_deleted_executable_is_not_taken_by_another(self) -> None:
        """Rules compare device and inode; ext4 gives the inode of a deleted file to the next new one."""
        self.serve()
        inode = os.stat(self.game).st_ino
        right = self.actor(self.game, uid=FRIEND)
        self.assertEqual(self.asks(right, "exe"), self.token("exe"))
        right.close()
        os.unlink(self.game)
        files = []
        for i in range(200):
            files.append(self.folder / f"new-{i}")
            files[-1].touch()
            if os.stat(files[-1]).st_ino == inode:
                break
        self.evil = interpreter(files[-1])
        self.assert_only(self.actor(uid=FRIEND), "uid", "sha")
        self.assertNotEqual(os.stat(self.evil).st_ino, inode)


class Waiting(BrokerCase):
    """The right is lost while the answer is on its way."""

    def test_a_reload_takes_the_right_from_a_waiter(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("needs root: the caller is another user")
        self.folder.chmod(0o755)
        shop = webroot_client(self.sim, self.folder, more='policy = "when_used"')
        rule = f'[[access]]\naccounts = ["shop/main"]\nallow = ["uid:{FRIEND}"]\n'
        daemon = self.begin(shop + rule)
        self.sim.switch("webroot", old_rt="reject", access_lifetime_s=299, latency_ms=0)
        self.enrol(daemon, "shop/main", "attack-waiter")
        actor = Actor(uid=FRIEND)
        self.addCleanup(actor.close)
        path = daemon.tokens_socket
        token = self.get(daemon, "shop/main")["token"]
        self.assertEqual(actor.do("out = fresh(path, account)", path=path, account="shop/main"), token)
        self.sim.switch("webroot", latency_ms=3_000)
        self.addCleanup(self.sim.switch, "webroot", latency_ms=0)
        answers: list[str] = []
        # Who reports a token as rejected isn't given it again: it waits for the next one.
        report = "s = connect(path)\nask(s, 'io.tokenbroker.tokens.ReportRejected', account='shop/main', generation=1)\n"
        waiter = threading.Thread(target=lambda: answers.append(actor.do(report + "out = get(s, 'shop/main')", path=path)))
        waiter.start()
        self.until("it waits", lambda: self.status(daemon, "shop/main")["waiters"] == 1)
        daemon.write_config(shop)
        with daemon.admin() as admin:
            admin.call("Reload")
        waiter.join(20)
        self.assertEqual(answers, [REFUSED])


class Watching(AttackCase):
    def test_a_watcher_that_became_another_program_sees_nothing_more(self) -> None:
        daemon = self.serve()
        actor = self.actor(self.game, uid=FRIEND)
        self.connects(actor)
        first = actor.do("out = ask(s, 'io.tokenbroker.tokens.WatchTokens', more=True, accounts=['models/exe'])")
        self.assertEqual(first["parameters"]["token"]["token"], self.token("exe"))
        actor.do("become(program, s)", program=self.evil)
        self.assertIsNone(actor.do("out = None"))
        with daemon.admin() as admin:
            admin.call("AddAccount", account="models/exe", secrets={"token": self.token("new")}, replace=True)
        told = actor.do("s.settimeout(10)\nout = receive(s)")
        self.assertEqual(told["parameters"]["event"], "removed", told)
        self.assertNotIn("token", told["parameters"])
        self.assertEqual(self.asks(self.actor(self.game, uid=FRIEND), "exe"), self.token("new"))


if __name__ == "__main__":
    unittest.main()
