"""Attempts to get a token without the right to it, by where a process is: mount, user and pid namespaces, cgroups, sockets.

Each test first shows that the right caller gets in. What this machine doesn't allow (namespaces in a container without the right to
make them, a read-only cgroup hierarchy) is skipped, and says so; tests/integration/systemd/boot tries units under a real systemd.
"""
import os
import socket
import subprocess
import time
import unittest
from pathlib import Path

from harness.actor import Actor, interpreter
from harness.attack_case import FRIEND, REFUSED, RULES, STRANGER, AttackCase
from harness.daemon import Daemon, DaemonError
from harness.varlink import Varlink, VarlinkError


def allowed(*command: str) -> bool:
    """Is root (in whatever container this runs) allowed to do this?"""
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


class Mounts(AttackCase):
    def test_a_bind_mount_over_the_allowed_path(self) -> None:
        if not allowed("unshare", "-m", "true"):
            self.skipTest("no right to make a mount namespace")
        self.serve()
        inside = ("unshare", "-m", "sh", "-c", f'mount --bind "{self.evil}" "{self.game}" && exec "$@"', "sh")
        actor = self.actor(self.game, uid=FRIEND, wrap=inside)
        self.assertEqual(actor.do("out = open(path, 'rb').read()[-4:].decode()", path=self.game), "evil", "there it looks like the game")
        self.assertEqual(os.stat(f"/proc/{actor.pid}/exe").st_ino, os.stat(self.evil).st_ino)
        self.assert_only(actor, "uid")
        self.assert_only(self.actor(self.game, uid=FRIEND), "uid", "exe", "sha")

    def test_a_bind_mount_made_by_the_user_itself(self) -> None:
        """Without root: in a user namespace of its own anybody may mount."""
        inside = ("unshare", "-Urm", "sh", "-c", f'mount --bind "{self.evil}" "{self.game}" && exec "$@"', "sh")
        if not allowed("setpriv", f"--reuid={FRIEND}", f"--regid={FRIEND}", "--clear-groups", *inside, "true"):
            self.skipTest("users may not make user namespaces here")
        self.serve()
        self.assert_only(self.actor(self.game, uid=FRIEND, wrap=inside, as_root=False), "uid")

    def test_an_overlay_over_the_folder_of_the_allowed_program(self) -> None:
        """A file changed in an overlay keeps its number."""
        for part in ("upper", "scratch"):
            (self.folder / part).mkdir(mode=0o755)
        mounted = (f'mount -t tmpfs none "{self.folder}/scratch" && mkdir "{self.folder}"/scratch/u "{self.folder}"/scratch/w && '
                   f'mount -t overlay none -o "lowerdir={self.folder},upperdir={self.folder}/scratch/u,workdir={self.folder}/scratch/w" /mnt')
        inside = ("unshare", "-m", "sh", "-c", f'{mounted} && printf evil >>/mnt/game && exec "$@"', "sh")
        if not allowed(*inside, "true"):
            self.skipTest("no overlay file system")
        self.serve()
        actor = self.actor("/mnt/game", uid=FRIEND, wrap=inside)
        self.assert_only(actor, "uid")


class UserNamespaces(AttackCase):
    def test_root_of_its_own_namespace(self) -> None:
        for identity in ("--map-root-user", f"--map-user={FRIEND}"):
            inside = ("unshare", "-U", identity)
            if not allowed("setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups", *inside, "true"):
                self.skipTest("users may not make user namespaces here")
            if self.daemon is None:
                self.serve()
            actor = self.actor(self.game, uid=STRANGER, wrap=inside, as_root=False)
            self.assertEqual(actor.do("out = os.geteuid()"), 0 if identity == "--map-root-user" else FRIEND)
            self.assert_only(actor)

    def test_a_daemon_that_cannot_name_its_callers(self) -> None:
        """In a user namespace all strangers look like 65534 to it: none of them is anybody."""
        inside = ("unshare", "-U", "--map-root-user")
        if not allowed(*inside, "true"):
            self.skipTest("no right to make a user namespace")
        daemon = self.serve(wrap=inside)
        self.assert_only(self.actor(self.game, uid=FRIEND))
        self.assert_only(self.actor(self.game, uid=STRANGER))
        self.assertIn("uid 65534", daemon.log())
        self.assertEqual(self.get(daemon, "models/uid")["token"], self.token("uid"), "root is root there too")


class PidNamespaces(AttackCase):
    INSIDE = ("unshare", "-p", "--fork", "--kill-child", "--mount-proc")

    def setUp(self) -> None:
        super().setUp()
        if not allowed(*self.INSIDE, "true"):
            self.skipTest("no right to make a pid namespace")

    def test_a_caller_in_a_namespace_below(self) -> None:
        """It thinks that it is process 1; what counts is who it is out here."""
        self.serve()
        evil = self.actor(uid=FRIEND, wrap=self.INSIDE)
        self.assertEqual(evil.do("out = os.getpid()"), 1)
        self.assert_only(evil, "uid")
        self.assert_only(self.actor(self.game, uid=FRIEND, wrap=self.INSIDE), "uid", "exe", "sha")

    def test_a_caller_that_the_daemon_cannot_see(self) -> None:
        """Without a pid only the kernel's word on the user counts, whatever runs under any number in there."""
        daemon = self.serve(wrap=self.INSIDE)
        game = self.actor(self.game, uid=FRIEND)
        self.assert_only(game, "uid")
        self.assertIn("pid unknown (another pid namespace)", daemon.log())


class Units(AttackCase):
    """Groups made for the test in the real hierarchy, as a system manager and a user's own one make them."""

    def setUp(self) -> None:
        super().setUp()
        mounted = [path for path in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified") if os.path.exists(f"{path}/cgroup.procs")
                   and os.path.exists(f"{path}/cgroup.controllers")]
        self.made: list[Path] = []
        self.addCleanup(self.remove)
        try:
            self.top = Path(mounted[0])
            self.group("system.slice/tb-test.scope")
        except (IndexError, OSError) as why:
            self.skipTest(f"no writable cgroup v2 hierarchy ({why}); the boot test has one")

    def group(self, path: str) -> Path:
        at = self.top
        for part in path.split("/"):
            at = at / part
            if not at.exists():
                at.mkdir()
                self.made.append(at)
        return at

    def remove(self) -> None:
        for path in reversed(self.made):
            for _ in range(100):  # a process that was killed leaves its group a little later
                try:
                    path.rmdir()
                    break
                except OSError:
                    time.sleep(0.02)

    def actor_in(self, path: str, uid: int = STRANGER) -> Actor:
        procs = self.group(path) / "cgroup.procs"
        return self.actor(uid=uid, wrap=("sh", "-c", f'echo $$ >"{procs}" && exec "$@"', "sh"))

    def test_units_that_are_not_the_system_managers(self) -> None:
        self.serve()
        self.assert_only(self.actor_in("system.slice/game-server@1.service"), "unit", "cgroup")
        self.assert_only(self.actor_in("system.slice/game-server@1.service/below.service"), "unit")
        manager = f"user.slice/user-{STRANGER}.slice/user@{STRANGER}.service"
        for path in (f"{manager}/app.slice/game-server@1.service",
                     f"{manager}/game-server@1.service",
                     f"{manager}/system.slice/game-server@1.service",
                     f"user.slice/user-{STRANGER}.slice/session-1.scope/game-server@1.service",
                     "system.slice/other.service/game-server@1.service",
                     "system.slice/other.service/system.slice/game-server@1.service",
                     "machine.slice/machine-x.scope/system.slice/game-server@1.service",
                     "tb-test/game-server@1.service", "system.slice/xgame-server@1.service",
                     "system.slice/game-server@1.service.d"):
            with self.subTest(path=path):
                self.assert_only(self.actor_in(path))

    def test_a_process_that_left_its_unit(self) -> None:
        self.serve()
        actor = self.actor_in("system.slice/game-server@1.service")
        self.connects(actor)
        self.assertEqual(self.gets(actor, "unit"), self.token("unit"))
        (self.group("system.slice/tb-test.scope") / "cgroup.procs").write_text(str(actor.pid))
        for name in ("unit", "cgroup"):
            self.assertEqual(self.gets(actor, name), REFUSED)


class Sockets(AttackCase):
    def starts(self, **options: object) -> str:
        """Why a daemon with these handed-in sockets doesn't start."""
        daemon = Daemon(self.folder, self.config(), hand_in_sockets=True, **options)  # type: ignore[arg-type]
        self.addCleanup(daemon.close)
        with self.assertRaises(DaemonError):
            daemon.start()
        log = daemon.log()
        daemon.log_file.unlink()
        daemon.close()
        for path in (daemon.tokens_socket, daemon.admin_socket):
            os.unlink(path)
        return log

    def test_names_and_modes_of_handed_in_sockets(self) -> None:
        """Swapped names would serve the admin interface to everybody; so would an admin socket that others may write."""
        for names, mode in (("admin:tokens", 0o600), ("tokens:admin", 0o666), ("tokens:admin", 0o602)):
            with self.subTest(names=names, mode=oct(mode)):
                self.assertIn("so anybody could connect to the admin interface", self.starts(names=names, admin_mode=mode))
        self.starts(names="admin:admin")
        self.starts(names="tokens:tokens")
        for names in ("tokens:", "tokens:Admin", "tokens:io.tokenbroker.admin"):
            self.assertIn("FileDescriptorName= must be tokens or admin", self.starts(names=names))

    def test_the_other_interface_is_not_served(self) -> None:
        """Not even to root, nor to one who gets at the admin socket: each interface has its socket and its own check."""
        daemon = self.serve()
        with Varlink(daemon.tokens_socket, "io.tokenbroker.admin") as wrong, self.assertRaises(VarlinkError) as refused:
            wrong.call("GetStatus")
        self.assertEqual(refused.exception.short, "InterfaceNotFound")
        os.chmod(daemon.admin_socket, 0o666)  # a mistake made while it runs
        for uid in (FRIEND, STRANGER):
            actor = self.actor(uid=uid)
            for method in ("GetStatus", "ListClients", "Reload"):
                reply = actor.do("out = ask(connect(path), 'io.tokenbroker.admin.' + method)", path=daemon.admin_socket, method=method)
                self.assertEqual(reply.get("error"), "org.varlink.service.PermissionDenied", (method, reply))
            reply = actor.do("out = ask(connect(path), 'io.tokenbroker.tokens.GetToken', account='models/uid')", path=daemon.admin_socket)
            self.assertEqual(reply.get("error"), "org.varlink.service.InterfaceNotFound", reply)

    def test_a_socket_put_in_the_daemons_place_is_left_alone(self) -> None:
        """A stranger that listens first is not taken for a stale socket, and the daemon doesn't start behind it."""
        daemon = Daemon(self.folder, self.config())
        with socket.socket(socket.AF_UNIX) as squatter:
            squatter.bind(daemon.tokens_socket)
            squatter.listen()
            with self.assertRaises(DaemonError) as refused:
                daemon.start()
        self.assertIn("another process serves it", str(refused.exception))


if __name__ == "__main__":
    unittest.main()
