#!/usr/bin/env python3
"""Style as a test: tidy.py --source DIR --build DIR RULE. Prints FILE:LINE: what, and ends with 1 if anything was found."""
import argparse
import pathlib
import shutil
import subprocess
import sys

import clang_tidy
import rules

FOLDERS = [*rules.ROOMS, "tests", "bench"]
TEXT_RULES = {"includes": rules.includes, "coroutines": rules.coroutines, "bans": rules.bans, "lengths": rules.lengths,
              "comments": rules.comments}
C_SOURCES = (".cpp", ".hpp", ".c", ".h")


def read_files(source, endings):
    files = {}
    for folder in FOLDERS:
        for path in sorted((source / folder).rglob("*")):
            if path.suffix in endings and path.is_file():
                files[str(path.relative_to(source))] = path.read_text(encoding="utf-8", errors="replace")
    return files


def run_text_rule(rule, source):
    files = read_files(source, C_SOURCES)
    found = [(path, line, what) for path, text in files.items() for line, what in TEXT_RULES[rule](path, text)]
    if rule == "includes":
        found += rules.single_units(files)
    return found, len(files)


def run_limits(source):
    # Not tidy's own: a name in its table would count as a test.
    tests = {path: text for path, text in read_files(source, (*C_SOURCES, ".py")).items()
             if path.startswith("tests/") and not path.startswith("tests/tidy/")}
    header = (source / "base/limits.hpp").read_text(encoding="utf-8")
    return [("base/limits.hpp", line, what) for line, what in rules.limits(header, tests)], len(tests)


def run_format(source):
    tool = shutil.which("clang-format-19")
    if tool is None:
        return [("clang-format-19", 0, "is not installed; run: scripts/setup --tests")], 0
    files = list(read_files(source, C_SOURCES))
    done = subprocess.run([tool, "--dry-run", "-Werror", *files], cwd=source, text=True, capture_output=True, check=False)
    found = []
    for line in done.stderr.splitlines():
        if "[-Wclang-format-violations]" in line:
            path, number = line.split(":")[:2]
            found.append((path, int(number), f"not formatted; run: clang-format-19 -i {path}"))
    if done.returncode != 0 and not found:
        found.append(("clang-format-19", 0, done.stderr.strip()))
    return sorted(set(found)), len(files)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("rule", choices=[*TEXT_RULES, "limits", "format", "clang_tidy"])
    options = parser.parse_args()
    if options.rule in TEXT_RULES:
        found, count = run_text_rule(options.rule, options.source)
    elif options.rule == "limits":
        found, count = run_limits(options.source)
    elif options.rule == "format":
        found, count = run_format(options.source)
    else:
        found, count = clang_tidy.run(options.source, options.build)
    for path, line, what in found:
        print(f"{path}:{line}: {what}")
    print(f"tidy.{options.rule}: {count} files, {len(found)} findings")
    if count == 0:
        print("nothing was looked at: that is a mistake of the check itself")
    sys.exit(1 if found or count == 0 else 0)


if __name__ == "__main__":
    main()
