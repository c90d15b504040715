"""What doctor makes of a daemon that does not tell all of its findings, and of a tokenbrokerd --diagnose that does not come to its end."""
import json
import os
import shutil
import subprocess
import unittest
from pathlib import Path

from fake_daemon import HANG_UP, Error, FakeDaemon, Stream

PROGRAM = Path(os.environ.get("TOKENBROKER", "build/dev/bin/tokenbroker")).resolve()
WELL = {"check": "process", "level": "ok", "what": "all is well", "why": "", "run": ""}
RIGHTS = "for administrators"


class Doctor(unittest.TestCase):
    def setUp(self):
        self.daemon = FakeDaemon().__enter__()
        self.addCleanup(self.daemon.__exit__)
        self.daemon.answers["GetInfo"] = {}
        # Where it finds a tokenbrokerd of the test's own: ../../bin from where it is installed.
        self.top = Path(self.daemon.folder.name) / "installed"
        self.program = self.top / "libexec" / "tokenbroker" / "tokenbroker-full"
        self.program.parent.mkdir(parents=True)
        (self.top / "bin").mkdir()
        shutil.copy(PROGRAM.parent.parent / "libexec" / "tokenbroker" / "tokenbroker-full", self.program)
        self.offline(f"echo '{json.dumps(WELL)}'")

    def offline(self, does):
        script = self.top / "bin" / "tokenbrokerd"
        script.write_text("#!/bin/sh\n" + does + "\n")
        script.chmod(0o755)

    def found(self):
        ran = subprocess.run([self.program, "--socket", self.daemon.socket, "doctor", "--json"], capture_output=True, text=True, timeout=30,
                             check=False)
        return ran.returncode, [one for one in map(json.loads, ran.stdout.splitlines()) if one["check"] in ("daemon", "process")]

    def asked(self, answer):
        self.daemon.answers["Diagnose"] = answer
        code, findings = self.found()
        return code, findings, " ".join(one["what"] for one in findings)

    def test_all_is_told(self):
        self.assertEqual(self.asked(Stream([{"findings": [WELL]}, {"findings": []}])), (0, [WELL], WELL["what"]))

    def test_cut_off_is_a_problem(self):
        for answer in (Stream([{"findings": [WELL]}, HANG_UP]), HANG_UP):
            code, findings, said = self.asked(answer)
            self.assertEqual(code, 1, findings)
            self.assertIn("broke off in the middle", said)
            self.assertNotIn(RIGHTS, said)
            self.assertTrue(all(one["why"] and one["run"] for one in findings if one["level"] == "problem"), findings)

    def test_refused_because_another_is_at_it(self):
        code, findings, said = self.asked(Error("io.tokenbroker.admin.Refused", reason="another doctor is at it; try again in a moment"))
        self.assertEqual(code, 0, findings)
        self.assertIn("another doctor is at it", said)
        self.assertNotIn(RIGHTS, said)
        self.assertFalse(any("sudo" in one["run"] for one in findings), findings)

    def test_no_right(self):
        code, findings, said = self.asked(Error("org.varlink.service.PermissionDenied"))
        self.assertEqual(code, 0, findings)
        self.assertIn(RIGHTS, said)
        self.assertIn("sudo tokenbroker doctor", [one["run"] for one in findings])

    def test_what_does_not_come_to_its_end_is_a_problem(self):
        line = f"echo '{json.dumps(WELL)}'; "
        for does, says in ((line + "kill -SEGV $$", "was ended by signal 11"), (line + "exit 2", "ended with status 2"),
                           ("exit 0", "ended without a finding"), ("exit 1", "ended without a finding"),
                           ("while echo what is no finding; do :; done", "ended without a finding")):
            with self.subTest(does):
                self.offline(does)
                code, findings, said = self.asked(Error("org.varlink.service.PermissionDenied"))
                self.assertEqual(code, 1, findings)
                self.assertIn(f"tokenbrokerd --diagnose {says}", said)
        for does in (line + "exit 0", line + "exit 1"):
            self.offline(does)
            self.assertEqual(self.asked(Error("org.varlink.service.PermissionDenied"))[0], 0, does)


if __name__ == "__main__":
    unittest.main()
