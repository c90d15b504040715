"""The man pages name exactly the options that --help names, exactly the keys that the configuration takes, and an example that the
daemon accepts; groff has no complaint."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("TOKENBROKER", "build/dev/bin/tokenbroker")
DAEMON = os.environ.get("TOKENBROKERD", "build/dev/bin/tokenbrokerd")
PROVIDERS = ("webroot", "threekit", "immersve", "playfab", "readyplayerme", "oauth2")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def page(name):
    return (TOP / "docs" / "man" / name).read_text().replace("\\-", "-")


def output(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=True).stdout


def tagged(text):
    """The words of the tags (.TP) of a man page's part."""
    return {tag.replace('"', "") for tag in re.findall(r"\.TP\n\.\w+ (.*)", text)}


class ManPages(unittest.TestCase):
    def test_every_command_with_its_options(self):
        text = page("tokenbroker.1").split("\n.SH ")
        commands = next(part for part in text if part.startswith("COMMANDS"))
        sections = {}
        for section in commands.split("\n.SS ")[1:]:
            title, body = section.split("\n", 1)
            words = title.split(" ")
            name = [word for word in words[:2] if word.islower() and "=" not in word]
            sections[" ".join(name)] = {OPTION.match(tag)[0] for tag in tagged(body)}
        for name, documented in sections.items():
            own = output(PROGRAM, *name.split(), "--help").split("Examples:")[0]
            self.assertEqual(documented, set(re.findall(r"^ +(?:-\w,)?(--[a-z-]+)", own, re.M)) - {"--help"}, name)
        helped = set()
        for group in ("", "account", "client"):
            listed = output(PROGRAM, *group.split(), "--help").split("Subcommands:\n")[1].split("\n\n")[0]
            helped |= {f"{group} {line.split()[0]}".strip() for line in listed.splitlines() if re.match(r"  \S", line)}
        self.assertEqual(helped - {"account", "client"}, set(sections))
        general = next(part for part in text if part.startswith("OPTIONS"))
        documented = {OPTION.search(tag)[0] for tag in tagged(general)}
        self.assertEqual(documented, set(re.findall(r"^ +(?:-\w,)?(--[a-z-]+)", output(PROGRAM, "--help"), re.M)))

    def test_the_daemons_options(self):
        part = page("tokenbrokerd.8").split("\n.SH OPTIONS")[1].split("\n.SH ")[0]
        documented = {OPTION.search(tag)[0] for tag in tagged(part)}
        self.assertEqual(documented, set(OPTION.findall(output(DAEMON, "--help").split("\n\n", 1)[1])))

    def check(self, text):
        """The daemon's judgement of a configuration."""
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "tokenbroker.toml")
            file.write_text(text)
            done = subprocess.run([DAEMON, "--check", "--config", str(file)], capture_output=True, text=True, timeout=30)
            return done.returncode, done.stdout + done.stderr

    def test_the_example_is_right(self):
        example = page("tokenbroker.toml.5").split("\n.SH EXAMPLE\n.nf\n")[1].split("\n.fi")[0]
        code, said = self.check(example)
        self.assertEqual(code, 0, said)

    def keys(self, title):
        part = re.split(rf"\n\.S[HS] {title}\n", page("tokenbroker.toml.5"))[1]
        part = re.split(r"\n\.S[HS] ", part)[0]
        return {word for tag in tagged(part) for word in re.findall(r"[a-z_]+", tag)}

    def test_every_key_of_the_page_is_taken(self):
        def unknown(text):
            return [line for line in self.check(text)[1].splitlines() if "unknown key" in line or "is not a key" in line]
        self.assertTrue(unknown("nosuch = 1\n"), "this test can't see an unknown key")
        self.assertTrue(unknown('[clients.a]\nprovider = "webroot"\nnosuch = "x"\n'), "this test can't see an unknown key")
        self.assertEqual(unknown("".join(f"{key} = 1979-05-27\n" for key in self.keys("TOP LEVEL"))), [])
        self.assertEqual(unknown("[[access]]\n" + "".join(f"{key} = 1\n" for key in self.keys("ACCESS"))), [])
        for provider in PROVIDERS:
            keys = (self.keys("CLIENTS") | self.keys(provider)) - {"provider"}
            text = f'[clients.a]\nprovider = "{provider}"\n' + "".join(f"{key} = 7\n" for key in sorted(keys))
            self.assertEqual(unknown(text), [], provider)

    def test_every_key_that_is_taken_is_on_the_page(self):
        read = re.compile(r'\b(?:text|texts|integer|word|flag|checked)\((?:reader, )?"([a-z_]+)"')
        source = "".join(path.read_text() for path in TOP.glob("daemon/config*.cpp"))
        documented = set().union(*(self.keys(title) for title in ("TOP LEVEL", "CLIENTS", "ACCESS")))
        self.assertEqual(set(read.findall(source)) - {"file", "credential", "stored"} - documented, set())
        for provider in PROVIDERS:
            file = "oauth2_check.cpp" if provider == "oauth2" else f"{provider}.cpp"
            names = set(re.findall(r'\{"([a-z_]+)", (?:Key::)?Type::?', (TOP / "providers" / file).read_text()))
            self.assertTrue(names)
            self.assertEqual(names, self.keys(provider))

    def test_groff_has_no_complaint(self):
        if shutil.which("man") is None:
            self.skipTest("man is not installed")
        for path in sorted((TOP / "docs" / "man").glob("*.[158]")):
            done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(path)], capture_output=True, text=True,
                                  env={**os.environ, "MANWIDTH": "100"}, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""), path.name)


if __name__ == "__main__":
    unittest.main(verbosity=1)
