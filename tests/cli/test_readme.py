"""The README's examples, word for word: they are taken out of it, run against a socket, and must bring the token."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from fake_daemon import FakeDaemon
from test_exit_codes import PROGRAM, TOKEN
from test_man_pages import DAEMON, TOP

SYSTEM_SOCKET = "/run/tokenbroker/tokens.sock"


class Readme(unittest.TestCase):
    def setUp(self):
        self.daemon = FakeDaemon().__enter__()
        self.addCleanup(self.daemon.__exit__)
        self.daemon.answers["GetToken"] = {"token": TOKEN}

    def example(self, language):
        found = re.findall(rf"^```{language}\n(.*?)^```", (TOP / "README.md").read_text(), re.M | re.S)
        self.assertEqual(len(found), 1, language)
        self.assertLessEqual(len(found[0].splitlines()), 5 if language != "toml" else 99)
        return found[0]

    def here(self, text):
        self.assertIn(SYSTEM_SOCKET, text)
        return text.replace(SYSTEM_SOCKET, self.daemon.socket)

    def run_ok(self, *words, **options):
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_cpp(self):
        compiler = next(filter(None, map(shutil.which, ("clang++-19", "g++"))))
        program = ("#include <stdio.h>\n#include <sys/socket.h>\n#include <sys/un.h>\nint main() {\n" + self.here(self.example("cpp")) +
                   'puts(reply);\n}\n')
        with tempfile.TemporaryDirectory() as folder:
            binary = os.path.join(folder, "example")
            subprocess.run([compiler, "-std=c++20", "-Wall", "-Werror", "-x", "c++", "-", "-o", binary], input=program, text=True,
                           check=True, timeout=60)
            self.assertIn(TOKEN["token"], self.run_ok(binary))

    def test_python(self):
        self.assertEqual(self.run_ok(sys.executable, "-c", self.here(self.example("python")) + "print(token)"), TOKEN["token"] + "\n")

    def test_shell(self):
        environment = {**os.environ, "TOKENBROKER_SOCKET": self.daemon.socket,
                       "PATH": os.path.dirname(os.path.abspath(PROGRAM)) + ":" + os.environ["PATH"]}
        script = self.example("sh") + '\nprintf "%s\\n%s\\n" "$token" "$header"'
        self.assertEqual(self.run_ok("sh", "-ec", script, env=environment),
                         f"{TOKEN['token']}\n{TOKEN['header']['name']}: {TOKEN['header']['value']}\n")
        self.assertEqual(len(self.daemon.calls), 3)

    def test_configuration(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "tokenbroker.toml")
            file.write_text(self.example("toml"))
            self.run_ok(DAEMON, "--check", "--config", str(file))

    def test_the_second_command_runs_after_the_first(self):
        """./demo leaves a build folder without the tests, and ./test builds them in the same one."""
        with tempfile.TemporaryDirectory() as folder:
            for more, tests in (["-DTB_TESTS=OFF"], "OFF"), ([], "ON"):
                self.run_ok("cmake", "--preset", "release", "-B", folder, *more, cwd=TOP)
                self.assertIn(f"TB_TESTS:BOOL={tests}", pathlib.Path(folder, "CMakeCache.txt").read_text())

    def test_links(self):
        for target in re.findall(r"\]\(([^)]+)\)", (TOP / "README.md").read_text()):
            if "://" not in target:
                self.assertTrue((TOP / target).exists(), target)


if __name__ == "__main__":
    unittest.main(verbosity=1)
