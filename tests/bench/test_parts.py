"""The bench's pure parts: medians and judging, noise, the table, counting, charts, the page. Each would mislead people if it were wrong."""
import os
import re
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(os.environ.get("TB_SOURCE_DIR", Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(ROOT / "bench"))

from lab import charts, counting, noise, page, svg, table  # noqa: E402
from lab.figure import Figure, Series, compared, from_json, judge, spread  # noqa: E402
from lab.processes import Failed  # noqa: E402

STRACE = """100 epoll_wait(0x5, 0x7ffe, 0x80, 0xffffffff <unfinished ...>
101 futex(0x1, 0x2) = 0
100 <... epoll_wait resumed>) = 0x1
100   recvfrom(0x9, 0x1, 0x1000, 0, 0, 0) = 0x5b
100 recvfrom(0x9, 0x1, 0x1000, 0, 0, 0) = -1 EAGAIN (Resource temporarily unavailable)
101 +++ exited with 0 +++
7   +++ exited with 0 +++
"""


class Judging(unittest.TestCase):
    def test_the_ratio_is_taken_inside_each_round(self) -> None:
        # The third round met a slow machine: both took ten times as long, and it changes nothing.
        figure = compared("f", "us", [12, 13, 120], [10, 10, 100])
        self.assertEqual((figure.value, figure.floor, figure.ratio), (13, 10, 1.2))
        self.assertEqual(figure.samples, [1.2, 1.3, 1.2])

    def test_rounds_that_do_not_pair_are_refused(self) -> None:
        with self.assertRaises(ValueError):
            compared("f", "us", [1, 2], [1])

    def test_met_missed_and_reported(self) -> None:
        self.assertEqual(judge(Figure("f", "us", 5, 4, 1.25, bar=1.25), []), "met")
        self.assertEqual(judge(Figure("f", "us", 5, 4, 1.26, bar=1.25), []), "missed")
        self.assertEqual(judge(Figure("f", "/s", 5, 4, 0.75, bar=0.75, sense=">="), []), "met")
        self.assertEqual(judge(Figure("f", "/s", 5, 4, 0.74, bar=0.75, sense=">="), []), "missed")
        self.assertEqual(judge(Figure("f", "/s", 5), ["noise"]), "reported")

    def test_a_bar_of_the_value_although_there_is_a_ratio(self) -> None:
        self.assertEqual(judge(Figure("f", "ns", 3, 1, 3.0, bar=5, bar_is_absolute=True), []), "met")
        self.assertEqual(judge(Figure("f", "ns", 6, 5, 1.2, bar=5, bar_is_absolute=True), []), "missed")

    def test_noise_is_a_verdict_but_not_on_a_count(self) -> None:
        self.assertEqual(judge(Figure("f", "us", 5, 4, 1.2, bar=1.25), ["steal"]), "unbelievable: steal")
        self.assertEqual(judge(Figure("f", "", 4, bar=4, exact=True), ["steal"]), "met")
        self.assertEqual(judge(Figure("f", "", 4.01, bar=4, exact=True), ["steal"]), "missed")

    def test_rounds_that_disagree_are_not_believed(self) -> None:
        self.assertIn("spreads over", judge(Figure("f", "us", 5, 4, 1.0, bar=1.25, samples=[0.5, 0.7, 1.0, 1.3, 1.5]), []))
        self.assertEqual(judge(Figure("f", "us", 5, 4, 1.0, bar=1.25, samples=[0.9, 1.0, 1.0, 1.0, 9.0]), []), "met")

    def test_spread(self) -> None:
        self.assertEqual(spread([1.0, 5.0]), 0.0)
        self.assertAlmostEqual(spread([1, 2, 3, 4, 5]), 2 / 3)

    def test_json_and_back(self) -> None:
        figure = compared("f", "us", [1.0, 2.0], [1.0, 1.0], bar=1.0, series=[Series("c", "l", [(1000, 2.0)], True)])
        self.assertEqual(from_json(figure.as_json()), figure)


class Noise(unittest.TestCase):
    def moment(self, at: float, busy: float, steal: float, ours: float) -> noise.Moment:
        return noise.Moment(at, busy, steal, ours)

    def test_a_quiet_machine(self) -> None:
        self.assertEqual(noise.reasons(self.moment(0, 100, 5, 3), self.moment(10, 119, 5.1, 21.5), 2), [])

    def test_a_neighbour_and_the_hypervisor(self) -> None:
        found = noise.reasons(self.moment(0, 100, 5, 3), self.moment(10, 119, 6, 15), 2)
        self.assertEqual(len(found), 2)
        self.assertIn("5% of the CPUs was stolen", found[0])
        self.assertIn("0.70 CPUs", found[1])

    def test_proc_stat(self) -> None:
        text = "cpu  100 20 30 4000 50 6 7 8 90 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
        self.assertEqual(noise.parse_stat(text, 10), (16.3, 0.8))
        self.assertGreater(noise.now().busy_s, 0)


class Table(unittest.TestCase):
    def test_numbers(self) -> None:
        for value, words in ((264_123.4, "264,123"), (123.45, "123"), (12.345, "12.3"), (1.2345, "1.23"), (0.31249, "0.312"), (0, "0"),
                             (None, "-")):
            self.assertEqual(table.number(value), words)

    def test_a_line(self) -> None:
        figure = Figure("reads", "us", 13.7, 11.6, 1.181, bar=1.25, verdict="unbelievable: why")
        self.assertEqual(table.cells(figure), ("reads", "13.7 us", "11.6 us (floor)", "1.18", "at most 1.25 x", "unbelievable"))
        counted = Figure("calls", "", 4.0, bar=4, exact=True, verdict="met")
        self.assertEqual(table.cells(counted)[1:], ("4.00", "-", "-", "at most 4.00", "met"))

    def test_text_and_markdown_have_a_line_a_figure(self) -> None:
        figures = [Figure("a", "us", 1.0), Figure("b|c", "us", 1.0)]
        self.assertEqual(len(table.text(figures).splitlines()), 4)
        self.assertIn("| b\\|c |", table.markdown(figures))


class Counting(unittest.TestCase):
    def test_strace(self) -> None:
        self.assertEqual(counting.parse_strace(STRACE, 100), {"epoll_wait": 1, "recvfrom": 2})
        self.assertEqual(counting.parse_strace(STRACE, 101), {"futex": 1})

    def test_a_trace_has_ended_when_its_process_has(self) -> None:
        self.assertEqual([pid for pid in (100, 101, 7, 1) if re.search(counting.ended(pid), STRACE)], [101, 7])

    def test_the_difference_is_divided_and_rare_calls_are_left_out(self) -> None:
        costs = counting.per_request({"read": 10, "futex": 3, "mmap": 50}, {"read": 1012, "futex": 5, "mmap": 50, "send": 2000}, 1000)
        self.assertEqual(costs, {"send": 2.0, "read": 1.002})
        self.assertEqual(counting.total(costs), 3.0)

    def test_a_call_more_in_a_hundred_requests_is_not_rounded_away(self) -> None:
        self.assertEqual(counting.total({"epoll_wait": 1.0, "recvfrom": 2.0, "send": 1.01}), 4.01)

    def test_callgrind(self) -> None:
        self.assertEqual(counting.parse_callgrind("events: Ir\nsummary: 7\n\nfn=(1)\n1 7\ntotals: 4711\n"), 4711)
        with self.assertRaises(Failed):
            counting.parse_callgrind("events: Ir\n")


class Charts(unittest.TestCase):
    def test_ticks(self) -> None:
        self.assertEqual(svg.ticks(16.2), [0, 5, 10, 15, 20])
        self.assertEqual(svg.ticks(1.0), [0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0])
        self.assertEqual(svg.log_ticks(20, 1800), [10, 100, 1000, 10000])
        self.assertEqual([svg.short(value) for value in (2_270_000, 264_000, 13.71, 0.312)], ["2.27M", "264k", "13.7", "0.312"])

    def test_a_scale(self) -> None:
        self.assertEqual(svg.Scale([0, 10], 100, 200).place(5), 150)
        self.assertAlmostEqual(svg.Scale([1, 100], 100, 200, True).place(10), 150)

    def test_series_of_one_label_are_one_line(self) -> None:
        figures = [Figure("a", "s", 1, series=[Series("start", "daemon", [(1000, 0.1)])]),
                   Figure("b", "s", 1, series=[Series("start", "daemon", [(10_000, 0.2)])])]
        self.assertEqual(charts.collect(figures), {"start": [Series("start", "daemon", [(1000, 0.1), (10_000, 0.2)])]})

    def test_every_chart_is_xml_with_its_values_and_units(self) -> None:
        bars = [Series("throughput", "floor", [("64 connections", 264_000.0)], True),
                Series("throughput", "daemon", [("64 connections", 2e5)])]
        drawn = charts.draw("throughput", bars)
        for word in ("64 connections", "264k", "200k", "share of the floor", "prefers-color-scheme: dark"):
            self.assertIn(word, drawn)
        lines = charts.draw("memory", [Series("memory", "daemon", [(1000, 20.0), (1_000_000, 1800.0)])])
        for word in ("MiB (logarithmic)", "accounts, tokens of 1 KB (logarithmic)", "1M", "polyline"):
            self.assertIn(word, lines)
        for one in (drawn, lines, charts.draw("of its own", [Series("of its own", "a < b", [(1, 0.0), (2, 3.0)])])):
            self.assertTrue(ElementTree.fromstring(one).tag.endswith("svg"))

    def test_a_longer_bar_is_a_larger_value(self) -> None:
        drawn = charts.draw("latency", [Series("latency", "floor", [("floor", 10.0)], True),
                                        Series("latency", "daemon", [("daemon", 20.0)])])
        rects = [one for one in ElementTree.fromstring(drawn).iter() if one.tag.endswith("rect") and float(one.get("x", 0)) > 200]
        short, long = (float(one.get("width", 0)) for one in rects)
        self.assertAlmostEqual(long, 2 * short, delta=0.2)


class Page(unittest.TestCase):
    def figure(self, row: str, value: float) -> Figure:
        return Figure(f"of {row}", "us", value, row=row, date="2026-01-01", note="why so", series=[Series("latency", row, [(row, value)])])

    def test_rows_measured_anew_replace_their_own(self) -> None:
        merged = page.merge([self.figure("a", 1), self.figure("b", 1)], [self.figure("b", 2), self.figure("c", 2)], ["c", "a", "b"])
        self.assertEqual([(one.row, one.value) for one in merged], [("c", 2), ("a", 1), ("b", 2)])

    def test_only_what_is_between_the_markers_changes(self) -> None:
        text = f"before\n{page.BEGIN} -->\nold\n{page.END}\nafter\n"
        self.assertEqual(page.between(text, "new\n"), f"before\n{page.BEGIN} -->\nnew\n{page.END}\nafter\n")
        with self.assertRaises(page.PageError):
            page.between("no markers", "new")

    def test_the_page_its_charts_and_what_they_were_made_of(self) -> None:
        about = {"cpus": 2, "kernel": "6.1", "rounds": 7}
        with tempfile.TemporaryDirectory() as folder:
            docs = Path(folder)
            (docs / "performance.md").write_text(f"{page.BEGIN} -->\n{page.END}\n")
            page.write(docs, [self.figure("a", 1)], about, ["a", "b"])
            page.write(docs, [self.figure("b", 2)], about, ["a", "b"])
            text = (docs / "performance.md").read_text()
            self.assertTrue((docs / "charts" / "latency.svg").exists())
            self.assertEqual([one.row for one in page.load(docs / "charts" / "figures.json")], ["a", "b"])
        for words in ("| of a | 1.00 us |", "| of b | 2.00 us |", "](charts/latency.svg)", "of b: why so",
                      "2 CPUs, Linux 6.1, 7 rounds, 2026-01-01"):
            self.assertIn(words, text)

    def test_the_real_page_has_its_markers(self) -> None:
        page.between((ROOT / "docs" / "performance.md").read_text(), "")


if __name__ == "__main__":
    unittest.main()
