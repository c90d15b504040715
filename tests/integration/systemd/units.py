#!/usr/bin/env python3
"""The installed systemd files, without a running systemd: stages an installation and asks systemd's own tools about it.

What must stay true: unit files without a complaint of the verifier, an exposure of at most 2.0 without PrivateUsers and ProtectProc
(they would break caller identity), users and folders as the daemon needs them, an example configuration that is right.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = SOURCE = None  # set from the command line
EXPOSURE_MAX = 2.0
TOKEN = "8f14e45f-ceea-467f-a8d2-1b2c3d4e5f60"


def run(*command, **options):
    return subprocess.run([str(part) for part in command], text=True, capture_output=True, timeout=60, check=False, **options)


class Units(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.top = pathlib.Path(tempfile.mkdtemp(prefix="tb_units_"))
        cls.root = cls.top / "root"
        done = run("cmake", "--install", BUILD, env=dict(os.environ, DESTDIR=str(cls.root)))
        assert done.returncode == 0, done.stderr
        cls.system = next(cls.root.glob("**/systemd/system"))
        cls.user = next(cls.root.glob("**/systemd/user"))
        cls.bin = next(cls.root.glob("**/bin/tokenbrokerd")).parent
        # Programs are named by their final path; the verifier must find them where they are staged.
        for service in (cls.system / "tokenbrokerd.service", cls.user / "tokenbrokerd.service"):
            text = service.read_text()
            final = "/" + str(cls.bin.relative_to(cls.root)) + "/"
            assert f"ExecStart={final}tokenbrokerd" in text, text
            service.write_text(text.replace(f"={final}tokenbroker", f"={cls.bin}/tokenbroker"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.top)

    def test_verify(self):
        for folder, scope in ((self.system, "--system"), (self.user, "--user")):
            units = sorted(folder.iterdir())
            self.assertEqual(["tokenbroker-admin.socket", "tokenbroker.socket", "tokenbrokerd.service"],
                             [unit.name for unit in units])
            verify = ["systemd-analyze", scope, "verify", "--recursive-errors=yes", "--man=no"]
            environment = dict(os.environ, XDG_RUNTIME_DIR=str(self.top))
            done = run(*verify, *units, env=environment)
            self.assertEqual((0, "", ""), (done.returncode, done.stdout, done.stderr))
            # The check itself must be able to fail.
            bad = self.top / scope / "tokenbrokerd.service"
            bad.parent.mkdir(exist_ok=True)
            bad.write_text((folder / "tokenbrokerd.service").read_text().replace("WatchdogSec", "WatchdogSecs"))
            self.assertNotEqual("", run(*verify, bad, env=environment).stderr)

    def exposure(self, text):
        service = self.top / "exposure" / "tokenbrokerd.service"
        service.parent.mkdir(exist_ok=True)
        service.write_text(text)
        done = run("systemd-analyze", "security", "--offline=true", f"--threshold={int(EXPOSURE_MAX * 10)}", service,
                   env=dict(os.environ, LC_ALL="C"))
        found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
        self.assertIsNotNone(found, done.stdout + done.stderr)
        return float(found.group(1)), done.returncode, service

    def test_exposure(self):
        text = (self.system / "tokenbrokerd.service").read_text()
        level, code, service = self.exposure(text)
        print(f"exposure: {level}")
        self.assertLessEqual(level, EXPOSURE_MAX)
        self.assertEqual(0, code)
        items = json.loads(run("systemd-analyze", "security", "--offline=true", "--json=short", service).stdout)
        state = {item["json_field"]: item["set"] for item in items}
        self.assertFalse(state["PrivateUsers"], "PrivateUsers= makes every caller nobody")
        self.assertFalse(state["ProtectProc"], "ProtectProc= hides callers from access rules")
        self.assertNotRegex(text, r"(?m)^RuntimeDirectory=")  # stopping would remove the sockets

        example = (SOURCE / "systemd/examples/exe-rules.conf").read_text()
        level, code, _ = self.exposure(text + "\n" + example)
        print(f"exposure with exe-rules.conf: {level}")
        self.assertEqual(0, code)
        self.assertLessEqual(level, EXPOSURE_MAX)
        level, code, _ = self.exposure("[Service]\nExecStart=/bin/true\n")
        self.assertNotEqual(0, code, "an unprotected service must not pass")

    def test_sysusers(self):
        conf = next(self.root.glob("**/sysusers.d/tokenbroker.conf"))
        root = self.top / "sysusers"
        (root / "etc").mkdir(parents=True)
        done = run("systemd-sysusers", f"--root={root}", conf)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertRegex((root / "etc/passwd").read_text(), r"(?m)^tokenbroker:.*:/var/lib/tokenbroker:/usr/sbin/nologin$")
        groups = (root / "etc/group").read_text()
        self.assertRegex(groups, r"(?m)^tokenbroker:")
        self.assertRegex(groups, r"(?m)^tokenbroker-admin:")

    def test_tmpfiles(self):
        conf = next(self.root.glob("**/tmpfiles.d/tokenbroker.conf"))
        (self.root / "etc").mkdir(exist_ok=True)
        (self.root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
        (self.root / "etc/group").write_text("root:x:0:\n")
        config = self.root / "etc/tokenbroker/tokenbroker.toml"
        for _ in range(2):
            done = run("systemd-tmpfiles", f"--root={self.root}", "--create", conf)
            self.assertEqual(0, done.returncode, done.stderr)
            for folder in ("run/tokenbroker", "etc/tokenbroker", "etc/tokenbroker/conf.d"):
                self.assertEqual(0o755, stat.S_IMODE((self.root / folder).stat().st_mode), folder)
            if _ == 0:
                self.assertEqual((SOURCE / "systemd/tokenbroker.toml").read_text(), config.read_text())
                self.assertEqual(0o644, stat.S_IMODE(config.stat().st_mode))
                config.write_text("# the operator's\n")
        self.assertEqual("# the operator's\n", config.read_text())

    def test_config(self):
        """The example is right as it is; with every line of it in force only what this machine lacks is missing."""
        config = self.top / "tokenbroker.toml"
        config.write_text((SOURCE / "systemd/tokenbroker.toml").read_text())
        config.chmod(0o644)
        done = run(self.bin / "tokenbrokerd", "--config", config, "--check")
        self.assertEqual(0, done.returncode, done.stderr)
        config.write_text(re.sub(r"(?m)^#(?=[a-z\[]| {12})", "", config.read_text()))
        self.assertIn("\n[clients.shop]\n", config.read_text())
        done = run(self.bin / "tokenbrokerd", "--config", config, "--check")
        lacking = re.compile(r"which the service did not get|can't be read|unknown (user|group) |exe \"/usr/games/x\" can't|"
                             r"no usable group|CAP_SYS_PTRACE|mistake\(s\); nothing was started")
        self.assertEqual([], [line for line in done.stderr.splitlines() if not lacking.search(line)])
        self.assertNotEqual(0, done.returncode)

    def test_socket_activate(self):
        """systemd's own activator hands both sockets to the real daemon; a token is added and read through them."""
        config = self.top / "activate.toml"
        config.write_text(f'state_dir = "{self.top}/state"\n[clients.models]\nprovider = "threekit"\nenvironment = "preview"\n')
        config.chmod(0o600)
        (self.top / "state").mkdir(mode=0o700)
        (self.top / "s").mkdir()
        tokens, admin = self.top / "s/tokens.sock", self.top / "s/admin.sock"
        old = os.umask(0o177)  # the activator takes the modes of its sockets from here
        activator = subprocess.Popen(["systemd-socket-activate", "-l", tokens, "-l", admin, "--fdname=tokens:admin",
                                      self.bin / "tokenbrokerd", "--config", config],
                                     stderr=subprocess.PIPE, text=True)
        os.umask(old)
        try:
            until = time.monotonic() + 20
            while not admin.exists() and time.monotonic() < until:
                time.sleep(0.02)
            tool = [self.bin / "tokenbroker", "--socket", tokens]
            added = run(*tool, "account", "add", "models/main", input=TOKEN + "\n")
            self.assertEqual(0, added.returncode, added.stderr)
            got = run(*tool, "get", "models/main")
            self.assertEqual((0, TOKEN), (got.returncode, got.stdout.strip()), got.stderr)
        finally:
            activator.terminate()
            log = activator.communicate(timeout=30)[1]
        self.assertNotIn(TOKEN, log)
        self.assertIn("is ready", log)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("tests", nargs="*")
    known = parser.parse_args()
    BUILD, SOURCE = known.build, known.source
    unittest.main(argv=[sys.argv[0], *known.tests])
