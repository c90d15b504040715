#!/usr/bin/env python3
"""Each rule of tidy catches what it is for, and leaves alone what is right."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import clang_tidy
import coroutines
import rules
import tidy

HERE = pathlib.Path(__file__).resolve().parent


def body(statement):
    return "// a file\nawaitable<void> Server::serve(int a, std::string b) {\n" + statement + "\n}\n"


class Coroutines(unittest.TestCase):
    BAD = {
        "co_await f(Request{1, 2});": "braces",
        "co_await f({.name = x});": "braces",
        "co_await f({a, b});": "braces",
        "const auto r = co_await f(std::vector<int>{1, 2});": "braces",
        "Reply reply{co_await f()};": "braces",
        "return_to(Pair{1, co_await f()});": "braces",
        "const std::vector<int> all = {co_await f(), co_await g()};": "braces",
        "co_await post(ex, [s] { use(s); });": "lambda with captures",
        "co_await post(ex, [this, x = y](int n) mutable { use(n); });": "lambda with captures",
        "co_await post(ex, [&] { use(); });": "lambda with captures",
        "const int x = a ? co_await f() : 0;": "?:",
        "co_await f(a ? b : c);": "?:",
        "switch (co_await f()) { case 1: break; }": "switch",
        "switch (int n = co_await f(); n) { case 1: break; }": "switch",
        "auto later = [this]() -> awaitable<void> { co_await f(); };": "named function",
        "spawn(ex, \"x\", [](int n) -> awaitable<void> { co_return; }(1));": "named function",
        "if (x) { y(); }\nco_await f(R{});": "braces",
        "for (const auto& x : co_await f({1})) use(x);": "braces",
        "if (auto r = co_await f(R{}); r) use(r);": "braces",
        "co_return co_await f(R{});": "braces",
    }
    GOOD = [
        "co_await f();",
        "const Request r{1, 2};\nco_await f(r);",
        "Request r{1, 2}; co_await f(std::move(r));",
        "auto [ec, n] = co_await f(std::string(\"a{b?c\"), 'x');",
        "if (auto r = co_await f()) { use(R{1}); }",
        "while (co_await f()) { const R r{1}; }",
        "for (auto& x : co_await f()) { use({1}); }",
        "if (co_await f()) co_return R{1};",
        "const auto done = [x] { use(x); };\nco_await post(ex, done);",
        "co_await post(ex, [] { use(); });",
        "if (a) { use(a ? b : c); }\nco_await f();",
        "const int n = a ? 1 : 2;\nco_await f(n);",
        "try { use({1}); } catch (const E&) { use({2}); }\nco_await f();",
        "co_await f();\nreturn_to({1, 2});",
        "switch (n) { case 1: co_await f(); break; default: use({1}); }",
        "do { co_await f(); } while (x);",
        "co_await f(list[3], map[key]); // co_await f({1})",
        "/* co_await f({1}) */ co_await f(R\"({1})\");",
        "std::map<int, int> m{{1, 2}};\nco_await f(m);",
        "co_return Result<int>{1};",
        "const std::size_t big = 1'000; co_await f('{');",
    ]

    def test_bad(self):
        for statement, why in self.BAD.items():
            found = coroutines.check(body(statement))
            self.assertTrue(any(why in what for _, what in found), f"{statement}: {found}")

    def test_good(self):
        for statement in self.GOOD:
            self.assertEqual([], coroutines.check(body(statement)), statement)

    def test_lines(self):
        self.assertEqual([4], [line for line, _ in coroutines.check(body("a();\nco_await f(R{});"))])


class Includes(unittest.TestCase):
    def test_directions(self):
        for path, line, bad in [
                ("proto/a.hpp", '#include "base/time.hpp"', False),
                ("proto/a.hpp", '#include "proto/b.hpp"', False),
                ("base/a.hpp", '#include "proto/b.hpp"', True),
                ("providers/a.cpp", '#include "net/b.hpp"', True),
                ("cli/a.cpp", '#include "daemon/config.hpp"', True),
                ("daemon/a.cpp", '#include "net/b.hpp"', False),
                ("daemon/a.cpp", '#include "cli/b.hpp"', True),
                ("client/a.c", '#include "base/error.hpp"', True),
                ("client/a.c", '#include "client/b.h"', False),
                ("cli/a.cpp", '#include "client/b.h"', True),
                ("ipc/a.cpp", '#include "b.hpp"', True),
                ("tests/unit/ipc/a.cpp", '#include "b.hpp"', False),
                ("net/https.cpp", "#include <boost/beast/http.hpp>", False),
                ("ipc/a.cpp", "#include <boost/beast/http.hpp>", True),
                ("daemon/a.cpp", "#include <boost/asio/ssl.hpp>", True),
                ("base/asio_impl.cpp", "#include <boost/asio/impl/src.hpp>", False),
                ("base/asio_impl.cpp", "#include <boost/asio/ssl/impl/src.hpp>", True),
                ("net/a.cpp", "#include <boost/asio/impl/src.hpp>", True),
                ("proto/a.cpp", "#include <boost/asio/buffer.hpp>", True),
                ("daemon/config.cpp", "#include <toml++/toml.h>", True),
                ("daemon/a.cpp", "# include <sqlite3.h>", True)]:
            self.assertEqual(bad, bool(rules.includes(path, "// x\n" + line + "\n")), f"{path}: {line}")

    def test_one_unit_for_tls(self):
        beast = "#include <boost/beast/http.hpp>\n"
        self.assertEqual([], rules.single_units({"net/a.cpp": beast, "tests/a.cpp": beast}))
        header = {"net/h.hpp": beast, "net/a.cpp": '#include "net/h.hpp"\n'}
        self.assertEqual([], rules.single_units(header))
        self.assertEqual(2, len(rules.single_units({**header, "net/b.cpp": "#include <boost/asio/ssl.hpp>\n"})))
        self.assertEqual(2, len(rules.single_units({**header, "daemon/b.cpp": '#include "net/h.hpp"\n'})))


class Bans(unittest.TestCase):
    def test_bad_and_good(self):
        for path, line, bad in [
                ("daemon/a.cpp", "auto t = std::chrono::steady_clock::now();", True),
                ("daemon/a.cpp", "auto t = system_clock :: now();", True),
                ("base/system_clock.cpp", "clock_gettime(id, &t);", False),
                ("net/a.cpp", "clock_gettime(id, &t);", True),
                ("net/a.cpp", "gettimeofday(&t, nullptr);", True),
                ("net/a.cpp", "x = time(nullptr);", True),
                ("net/a.cpp", "x = std::time(0);", True),
                ("net/a.cpp", "x = clock.time(0); y = run_time(0);", False),
                ("net/a.cpp", "timer.expires_after(1s);", True),
                ("ipc/a.cpp", "std::this_thread::sleep_for(1s);", True),
                ("cli/a.cpp", "std::this_thread::sleep_for(1s);", False),
                ("ipc/a.cpp", "co_await sleep_until(clock_, at);", False),
                ("ipc/a.cpp", "asio::co_spawn(ex, f(), asio::detached);", True),
                ("tests/unit/ipc/a.cpp", "asio::co_spawn(ex, f(), h);", True),
                ("tests/unit/ipc/a.cpp", "std::this_thread::sleep_for(1s);", False),
                ("tests/simulation/a.cpp", "auto t = std::chrono::steady_clock::now();", True),
                ("base/async.cpp", "asio::co_spawn(ex, f(), h);", False),
                ("ipc/a.cpp", "// detached, co_spawn, steady_clock::now()", False),
                ("ipc/a.cpp", 'log("detached time(0)");', False),
                ("ipc/a.cpp", "using namespace boost::asio::experimental::awaitable_operators;", True)]:
            self.assertEqual(bad, bool(rules.bans(path, line + "\n")), f"{path}: {line}")


class Lengths(unittest.TestCase):
    def found(self, text):
        return [what for _, what in rules.lengths("a.cpp", text)]

    def test_lines_and_files(self):
        self.assertEqual([], self.found("x" * 100 + "\n"))
        self.assertEqual(["101 columns; at most 100"], self.found("ä" * 101 + "\n"))
        self.assertEqual([], self.found("\n" * 300))
        self.assertEqual(["the file has 301 lines; at most 300"], self.found("\n" * 301))

    def test_functions(self):
        filler = "    a();\n"
        for head in ("void f() {", "Result<int> A::f(int x) const noexcept {", "A::A(int x) : a_(x), b_{x} {",
                     "template <class T>\nauto f(T x) -> std::vector<T> {", "BOOST_AUTO_TEST_CASE(a_name) {",
                     "namespace a {\nnamespace {\nclass B final : public C<int> {\n  public:\n    void f() override {"):
            self.assertEqual([], self.found(f"{head}\n" + filler * 68 + "}\n"), head)
            self.assertEqual(["a function of 71 lines; at most 70"], self.found(f"{head}\n" + filler * 69 + "}\n"), head)
        self.assertEqual([], self.found("namespace tb {\nclass A {\n" + "    int a;\n" * 100 + "};\n}\n"))
        self.assertEqual([], self.found("const std::vector<int> all{\n" + "    1,\n" * 100 + "};\n"))
        self.assertEqual([], self.found("enum class errc : int {\n" + "    a,\n" * 100 + "};\n"))


class Others(unittest.TestCase):
    def test_comments(self):
        self.assertEqual([], rules.comments("a.cpp", "// What it is for.\n"))
        self.assertEqual([], rules.comments("a.cpp", "/* What it is for. */\n"))
        for text in ("", "#pragma once\n", "\n// late\n", "//\n"):
            self.assertEqual(1, len(rules.comments("a.cpp", text)), text)

    def test_limits(self):
        header = "inline constexpr std::size_t a_max = 1;\ninline constexpr Millis b_ms{2};\ninline constexpr int c_max =\n    3;\n"
        self.assertEqual([2, 3], [line for line, _ in rules.limits(header, {"t": "limits::a_max and b_mss and ac_max"})])

    def test_format(self):
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder)
            (source / "base").mkdir()
            shutil.copy(HERE.parent.parent / ".clang-format", source)
            (source / "base/good.cpp").write_text("// x\nint a() {\n    return 1;\n}\n")
            self.assertEqual(([], 1), tidy.run_format(source))
            (source / "base/bad.cpp").write_text("// x\nint a( ){ return 1;}\n")
            self.assertTrue(any(path == "base/bad.cpp" and line == 2 for path, line, _ in tidy.run_format(source)[0]))

    def test_clang_tidy(self):
        """A coroutine with a reference parameter is found, again after a clean file was kept, and a changed header is noticed."""
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder).resolve()
            build = source / "build"
            (source / "base").mkdir()
            build.mkdir()
            shutil.copy(HERE.parent.parent / ".clang-tidy", source)
            unit = source / "base/a.cpp"
            header = source / "base/a.hpp"
            header.write_text("#include <coroutine>\nstruct Task {\n  struct promise_type {\n    Task get_return_object() { return {}; }\n"
                              "    std::suspend_never initial_suspend() { return {}; }\n"
                              "    std::suspend_never final_suspend() noexcept { return {}; }\n    void return_void() {}\n"
                              "    void unhandled_exception() {}\n  };\n};\n")
            unit.write_text('#include "base/a.hpp"\nTask f(int a) { (void)a; co_return; }\n')
            (build / "compile_commands.json").write_text(json.dumps([{
                "directory": str(source), "file": "base/a.cpp", "command": f"clang++-19 -std=c++20 -I{source} -c base/a.cpp -o a.o"}]))
            self.assertEqual(([], 1), clang_tidy.run(source, build))
            self.assertEqual(1, len(list((build / "tidy-cache").iterdir())))
            header.write_text(header.read_text() + "inline Task g(const int& a) { (void)a; co_return; }\n")
            for _ in range(2):
                found, count = clang_tidy.run(source, build)
                self.assertEqual(1, count)
                self.assertTrue(any("avoid-reference-coroutine-parameters" in what for _, _, what in found), found)

    def test_the_command_can_fail(self):
        with tempfile.TemporaryDirectory() as folder:
            command = ["python3", HERE / "tidy.py", "--source", folder, "--build", folder, "comments"]
            self.assertEqual(1, subprocess.run(command, capture_output=True, check=False).returncode)  # nothing to look at
            pathlib.Path(folder, "base").mkdir()
            file = pathlib.Path(folder, "base/a.cpp")
            file.write_text("// x\n")
            self.assertEqual(0, subprocess.run(command, capture_output=True, check=False).returncode)
            file.write_text("int x;\n")
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            self.assertEqual(1, done.returncode)
            self.assertIn("base/a.cpp:1: open with a comment", done.stdout)


if __name__ == "__main__":
    unittest.main()
