"""What the library's files promise to those who link it: libc alone, versioned symbols, headers that any compiler takes, an
installation that pkg-config finds, and examples that work."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(os.environ["TB_SOURCE_DIR"])
BUILD = pathlib.Path(os.environ["TB_BUILD_DIR"])
VERSION = os.environ["TB_VERSION"]
LIBRARY = BUILD / "lib/libtokenbroker.so"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]

sys.path.insert(0, str(TOP / "tests/cli"))
from fake_daemon import FakeDaemon  # noqa: E402

TOKEN = {"account": "shop/main", "token": "at_test_1", "header": {"name": "Authorization", "value": "Bearer at_test_1"},
         "generation": 7, "expires_at_ms": 1790000000000, "remaining_ms": 60000, "scopes": [], "attributes": {}}


def run(*words, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{words}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def declared():
    """The functions of the header."""
    text = re.sub(r"/\*.*?\*/", "", (TOP / "client/tokenbroker.h").read_text(), flags=re.S)
    return set(re.findall(r"\b(tb_\w+)\(", text))


class Linking(unittest.TestCase):
    def test_needs_libc_alone(self):
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", LIBRARY))
        self.assertEqual(needed, ["libc.so.6"])

    def test_soname(self):
        dynamic = run("readelf", "-d", LIBRARY)
        self.assertIn("[libtokenbroker.so.0]", dynamic)
        self.assertRegex(dynamic, r"FLAGS_1.*NODELETE", "a thread runs in it: it may not be unloaded")
        self.assertEqual(LIBRARY.resolve().name, f"libtokenbroker.so.{VERSION}")

    def test_exports_are_the_header_and_versioned(self):
        symbols = [line.split()[-1] for line in run("nm", "-D", "--defined-only", LIBRARY).splitlines() if " T " in line]
        self.assertEqual(set(symbols), {name + "@@TOKENBROKER_0.1" for name in declared()})
        others = [line for line in run("nm", "-D", "--defined-only", LIBRARY).splitlines() if not re.search(r" [TA] ", line)]
        self.assertEqual(others, [])

    def test_static_library_has_no_name_but_ours(self):
        for line in run("nm", "-g", "--defined-only", BUILD / "lib/libtokenbroker.a").splitlines():
            if re.search(r" [A-Z] ", line):
                self.assertRegex(line.split()[-1], r"^tb_")

    def test_no_executable_stack(self):
        self.assertNotRegex(run("readelf", "-lW", LIBRARY), r"GNU_STACK.*RWE")


class Headers(unittest.TestCase):
    def compile(self, compiler, standard, language, header):
        if not shutil.which(compiler):
            self.skipTest(compiler)
        with self.subTest(compiler=compiler, standard=standard):
            run(compiler, f"-std={standard}", *WARNINGS, "-Wconversion", "-I", TOP / "client", "-x", language, "-fsyntax-only", "-",
                input=f"#include <{header}>\n#include <{header}>\nint main(void) {{ tb_options o = TB_OPTIONS_INIT; return o.socket != 0; }}\n")

    def test_c(self):
        for compiler in ("gcc", "clang-19"):
            for standard in ("c99", "c11", "c17"):
                self.compile(compiler, standard, "c", "tokenbroker.h")

    def test_cpp(self):
        for compiler in ("g++", "clang++-19"):
            self.compile(compiler, "c++11", "c++", "tokenbroker.h")
            for standard in ("c++17", "c++20"):
                self.compile(compiler, standard, "c++", "tokenbroker.h")
                self.compile(compiler, standard, "c++", "tokenbroker.hpp")


class Installed(unittest.TestCase):
    """As a package would have it: installed below a folder of its own, found by pkg-config."""
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="tokenbroker-client-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.root = pathlib.Path(cls.folder.name)
        (cls.root / "include").mkdir()
        (cls.root / "lib/pkgconfig").mkdir(parents=True)
        for name in ("tokenbroker.h", "tokenbroker.hpp"):
            shutil.copy(TOP / "client" / name, cls.root / "include")
        for file in (BUILD / "lib").glob("libtokenbroker.*"):
            shutil.copy(file, cls.root / "lib", follow_symlinks=False)
        text = (BUILD / "client/tokenbroker.pc").read_text()
        cls.pc = text
        text = re.sub(r"(?m)^prefix=.*", f"prefix={cls.root}", text)
        text = re.sub(r"(?m)^libdir=.*", "libdir=${prefix}/lib", text)
        (cls.root / "lib/pkgconfig/tokenbroker.pc").write_text(text)
        cls.environment = {**os.environ, "PKG_CONFIG_PATH": str(cls.root / "lib/pkgconfig"), "LD_LIBRARY_PATH": str(cls.root / "lib")}

    def flags(self, *more):
        return run("pkg-config", "--cflags", "--libs", *more, "tokenbroker", env=self.environment).split()

    def test_pc_file(self):
        self.assertIn(f"Version: {VERSION}", self.pc)
        self.assertNotIn("@", self.pc)
        self.assertRegex(self.pc, r"(?m)^libdir=\$\{prefix\}/lib")
        self.assertEqual(run("pkg-config", "--modversion", "tokenbroker", env=self.environment).strip(), VERSION)

    def example(self):
        """The README's, word for word, and with the socket of the test in its environment."""
        found = re.findall(r"^```c\n(.*?)^```", (TOP / "README.md").read_text(), re.M | re.S)
        self.assertEqual(len(found), 1)
        return found[0]

    def build(self, program, *flags):
        binary = self.root / "program"
        run("gcc", "-std=c99", *WARNINGS, "-x", "c", "-", "-x", "none", "-o", binary, *flags, input=program)
        return binary

    def test_readme(self):
        program = ("#include <stdio.h>\n#include <string.h>\n#include <tokenbroker.h>\nstatic void use(const char *header) { puts(header); }\n"
                   "int main(void) {\n" + self.example() + "return 0;\n}\n")
        with FakeDaemon() as daemon:
            daemon.answers["GetToken"] = {"token": TOKEN}
            daemon.answers["WatchTokens"] = {"account": "shop/main", "event": "new_token", "token": TOKEN}
            for flags in (self.flags(), [f"-I{self.root}/include", f"{self.root}/lib/libtokenbroker.a", "-pthread"]):
                said = run(self.build(program, *flags), env={**self.environment, "TOKENBROKER_SOCKET": daemon.socket})
                self.assertEqual(said, "Bearer at_test_1\n" * 2)

    def test_man_page_names_all(self):
        text = (TOP / "docs/man/libtokenbroker.3").read_text()
        enum = set(re.findall(r"\bTB_E_\w+", (TOP / "client/tokenbroker.h").read_text()))
        for name in declared() | enum:
            self.assertIn(name, text)
        run("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", TOP / "docs/man/libtokenbroker.3")


class Example(unittest.TestCase):
    def test_game_loop(self):
        with FakeDaemon() as daemon:
            daemon.answers["WatchTokens"] = {"account": "shop/main", "event": "new_token", "token": TOKEN}
            said = run(BUILD / "bin/example_game_loop", "shop/main", daemon.socket, "--frames", "30", "--fps", "300")
            self.assertIn("generation 7, a header Authorization of 16 bytes", said)
            self.assertNotIn("at_test_1", said)


if __name__ == "__main__":
    unittest.main(verbosity=1)
