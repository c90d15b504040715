"""Every fault of the simulator against every provider, through the real daemon: the class that the broker reports, and that the
account heals afterwards. What is expected stands in harness/fault_rows.py and fault_words.py; what was found is docs/fault-matrix.md.

TB_WRITE_FAULT_MATRIX=1 writes that page anew.
"""
import os
import re
import unittest

from harness.case import BrokerCase
from harness.clients import Clients
from harness.fault_columns import LIFETIMES_S, Column, columns
from harness.fault_page import page
from harness.fault_rows import GROUPS
from harness.fault_run import PersonaRun
from harness.paths import SOURCE_DIR

PAGE = SOURCE_DIR / "docs" / "fault-matrix.md"
MANY = "exchanges_per_origin_max = 64\nexchanges_max = 256\n"


class FaultMatrix(BrokerCase):
    def test_matrix(self) -> None:
        for persona in LIFETIMES_S:
            self.sim.switch(persona, old_rt="grace", grace_s=600)
        all_columns = columns(self.sim)
        clients = Clients(self.sim, self.folder)
        daemon = self.begin("".join(column.sections(clients) for column in all_columns), top=MANY)
        personas: dict[str, list[Column]] = {}
        for column in all_columns:
            personas.setdefault(column.persona, []).append(column)
        runs = [PersonaRun(self.sim, daemon, found) for found in personas.values()]
        for run in runs:
            run.start()
        for run in runs:
            run.join()
        cells = {key: cell for run in runs for key, cell in run.cells.items()}
        wrong = [text for run in runs for text in run.broken]
        wrong += [cell.complaint() for cell in cells.values() if cell.complaint()]
        self.assertEqual(wrong, [], "\n".join(["", *wrong]))
        self.assertEqual(self.sim.check()[:9], [], "the first of what the simulator holds against the broker")
        self.compare(page(cells))

    def test_no_kind_is_left_out(self) -> None:
        rows = [row for _, group in GROUPS for row in group]
        kinds = re.findall(r"^    (\w+) ", self.sim.ask("GET", "/kinds"), re.MULTILINE)
        self.assertGreater(len(kinds), 30)
        self.assertEqual(sorted(set(kinds) - {row.kind for row in rows}), [])
        self.assertEqual(len({row.text for row in rows}), len(rows))

    def compare(self, text: str) -> None:
        if os.environ.get("TB_WRITE_FAULT_MATRIX"):
            PAGE.write_text(text)
        if not PAGE.exists() or PAGE.read_text() != text:
            self.fail(f"{PAGE.relative_to(SOURCE_DIR)} is not what was found just now; to write it anew:\n  cd tests/integration && "
                      "TB_WRITE_FAULT_MATRIX=1 TB_BIN_DIR=../../build/dev/bin python3 -m unittest test_fault_matrix")


if __name__ == "__main__":
    unittest.main()
