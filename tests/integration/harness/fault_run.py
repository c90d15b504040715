"""Runs the rows of the fault matrix for one persona of the simulator; the personas run side by side.

First what strikes connections, one after another, since those faults can't be matched by account. Then a thread a lane, and one
for each slow fault. Last what others of the same origin would notice: kept connections, and Retry-After.
"""
import contextlib
import threading
import time
import traceback
from dataclasses import dataclass
from typing import Any

from harness import sanitizer
from harness.fault_columns import ELSEWHERE, LANES, LIFETIMES_S, SHORT_S, SLOW_LANES, Column, Lane
from harness.fault_rows import (BODIES, COLUMNS, CONNECTION, FRESH, HARMLESS, HUGE, IDLE, LETTERS, LOST, SLOW, STATUSES, TOKEN, WAITING,
                                Row)
from harness.fault_words import WORDS
from harness.sanitizer import patient

LETTER_OF = {"": "o", "RETRY": "R", "AMBIG": "A", "CONFIG": "C", "NEVER": "N", "REAUTH": "X"}
STATES = {"C": "misconfigured", "N": "misconfigured", "X": "login_required"}
HEALS_WITHIN_S = patient(12.0)


@dataclass
class Cell:
    row: Row
    column: str
    wanted: str
    code_wanted: str = ""
    found: str = "?"
    code: str = ""
    wrong: str = ""  # of what must hold besides the class

    def complaint(self) -> str:
        where = f"{self.column}, {self.row.text}: "
        if self.found != self.wanted:
            return where + f"{LETTERS.get(self.found, '?')} instead of {LETTERS[self.wanted]} ({self.code}) {self.wrong}"
        if self.code_wanted and self.code != self.code_wanted:
            return where + f"code {self.code} instead of {self.code_wanted}"
        return where + self.wrong if self.wrong else ""


class PersonaRun(threading.Thread):
    def __init__(self, sim: Any, daemon: Any, columns: list[Column]) -> None:
        super().__init__(name=columns[0].persona)
        self.sim, self.daemon, self.columns, self.persona = sim, daemon, columns, columns[0].persona
        self.cells: dict[tuple[Any, str], Cell] = {}
        self.broken: list[str] = []
        self.closing = 0
        self.quiet = threading.Lock()  # held while nobody but its owner may call the provider

    # -- one cell --
    def cell(self, row: Row, column: Column) -> Cell:
        found = self.cells[row.text, column.name] = Cell(row, column.name, row.wanted[COLUMNS.index(column.name)])
        return found

    def arm(self, row: Row, lane: Lane, match: dict[str, str], times: int) -> list[int]:
        """Each of them strikes one call."""
        params, member = dict(row.params), lane.column.token_member
        if TOKEN in params.get("set", {}):
            params["set"] = {member: params["set"][TOKEN]}
        if TOKEN in params.get("drop", []):
            params["drop"] = [member]
        return [self.sim.arm(row.kind, match={"persona": self.persona, **match}, **params) for _ in range(times)]

    def disarm(self, ids: list[int]) -> int:
        """How many of them have struck."""
        return sum(self.sim.post("/clear", id=one)["cleared"] == 0 for one in ids)

    def status(self, lane: Lane) -> dict[str, Any]:
        with self.daemon.admin() as admin:
            return dict(admin.call("GetStatus", accounts=[lane.account])["accounts"][0])

    def strike(self, cell: Cell, lane: Lane) -> None:
        """One fault, what became of it, and the way back."""
        lane.column.before(lane)
        ids = self.arm(cell.row, lane, {"account": lane.match}, 1 if cell.row in IDLE else lane.column.tries)
        if cell.row in IDLE:
            cell.wrong += lane.column.renew(self.daemon, lane)[1]
            time.sleep(0.3)  # the close arrives; a kept connection is used for 2 s
            lane.column.before(lane)
        before = self.status(lane)
        try:
            outcome, reason = lane.column.renew(self.daemon, lane)
        finally:
            struck = self.disarm(ids)
        self.judge(cell, lane, before, outcome, reason, struck)

    def strike_connection(self, cell: Cell, lane: Lane, tries: int) -> threading.Thread:
        """The same with a fault that can't be matched by account; the thread ends with the cell, this call once it has struck."""
        lane.column.before(lane)
        before, ids = self.status(lane), self.arm(cell.row, lane, {}, tries)

        def work() -> None:
            outcome, reason = lane.column.renew(self.daemon, lane)
            self.judge(cell, lane, before, outcome, reason, self.disarm(ids))

        thread = self.thread(cell, work)
        while thread.is_alive() and any(fault["id"] in ids and not fault["spent"] for fault in self.sim.ask("GET", "/faults")):
            time.sleep(0.01)
        return thread

    def judge(self, cell: Cell, lane: Lane, before: dict[str, Any], outcome: str, reason: str, struck: int) -> None:
        column, status = lane.column, self.status(lane)
        cell.found = "r" if outcome == "RETRY" and struck > 1 else LETTER_OF[outcome]
        if sanitizer.kind() and cell.found == "R" and cell.wanted == "r":
            cell.found = "r"  # so slow there that the caller's time may be over before the second try
        if outcome:
            cell.code = str(status.get("last_failure", "")).split(" ")[0]
        wanted = STATES.get(cell.found)
        if wanted and column.keeps_token and self.persona != "threekit" and status["state"] != wanted:
            cell.wrong += f" its state is {status['state']} and not {wanted};"
        if not struck:
            cell.wrong += " the fault never struck;"
        if cell.found not in "oX" and column.keeps_token and lane.name not in SLOW_LANES and not self.good(lane):
            cell.wrong += " the token in hand was not served;"
        with self.quiet if lane.name in SLOW_LANES else contextlib.nullcontext():
            cell.wrong += self.heal(cell, lane, before)
        # A successor without a usable token counts as a generation of its own.
        if cell.found in "AN" and self.status(lane)["generation"] == before["generation"] + 2:
            cell.found = {"A": "K", "N": "k"}[cell.found]
        if cell.wrong:
            cell.wrong += f" [{reason}]"

    def heal(self, cell: Cell, lane: Lane, before: dict[str, Any]) -> str:
        column = lane.column
        if cell.found == "X" and column.loses_grant:
            column.enrol(self.daemon, lane, replace=True)
        by_itself = cell.found == "o" or (cell.found == "A" and self.replayed(lane, before))
        if cell.row in WAITING:
            self.unblocked(cell, lane)
        if not by_itself:
            outcome, reason = column.heal(self.daemon, lane)
            if outcome:
                return f" the renewal afterwards: {outcome}, {reason};"
        return "" if lane.name in SLOW_LANES or self.good(lane) else " the token is not good;"

    def good(self, lane: Lane) -> bool:
        token = lane.column.token(self.daemon, lane)
        return bool(self.sim.post("/valid", persona=self.persona, token=token)["valid"])

    def replayed(self, lane: Lane, before: dict[str, Any]) -> bool:
        """Waits for the end of `outcome_unknown`, which comes by itself. False: the account never was in that state."""
        end = time.monotonic() + HEALS_WITHIN_S
        while time.monotonic() < end:
            status = self.status(lane)
            if status["state"] != "outcome_unknown":
                return bool(status["generation"] > before["generation"])
            time.sleep(0.02)
        raise AssertionError(f"{lane.account}: no replay within {HEALS_WITHIN_S} s")

    def unblocked(self, cell: Cell, lane: Lane) -> None:
        """The origin is held back for the second that was asked for; then not any more."""
        blocked_ms = self.status(lane).get("blocked_for_ms", 0)
        if not 0 < blocked_ms <= 1500:
            cell.wrong += f" the origin was held back for {blocked_ms} ms;"
        end = time.monotonic() + 3
        while self.status(lane).get("blocked_for_ms", 0) and time.monotonic() < end:
            time.sleep(0.05)

    # -- all cells --
    def run(self) -> None:
        threads = [self.thread(None, self.enrol)]
        threads[0].join()
        if self.broken:
            return self.sim.leave()
        with self.quiet:
            slow = self.connections()
        lanes = [self.thread(None, self.lane, *lane) for column in self.columns for lane in self.cells_of_lanes(column)]
        slow += [self.slow(number, column) for column in self.columns for number in range(2, len(SLOW))]
        for thread in [*lanes, self.thread(None, self.alone, lanes), *slow]:
            thread.join()
        for index, column in enumerate(self.columns):
            cell = self.cell(HUGE, column)
            self.guarded(cell, self.huge, cell, column.lanes[LANES[0] if index else ELSEWHERE])
        self.sim.leave()

    def thread(self, cell: Cell | None, call: Any, *arguments: Any) -> threading.Thread:
        """Whatever is raised in it is a complaint about the cell, or about the run."""
        def work() -> None:
            self.guarded(cell, call, *arguments)
            self.sim.leave()

        thread = threading.Thread(target=work)
        thread.start()
        return thread

    def guarded(self, cell: Cell | None, call: Any, *arguments: Any) -> None:
        try:
            call(*arguments)
        except Exception:
            if cell is None:
                self.broken.append(traceback.format_exc())
            else:
                cell.wrong += traceback.format_exc()

    def enrol(self) -> None:
        """Every reply says Connection: close, so that each renewal up to the end of connections() opens one."""
        self.closing = self.sim.arm("connection_close", match={"persona": self.persona}, count=0)
        for lifetime, lanes in ((SHORT_S, SLOW_LANES), (LIFETIMES_S.get(self.persona), (*LANES, ELSEWHERE))):
            if self.persona in LIFETIMES_S:
                self.sim.switch(self.persona, access_lifetime_s=lifetime)
            for column in self.columns:
                for name in lanes:
                    column.enrol(self.daemon, column.lanes[name])

    def connections(self) -> list[threading.Thread]:
        """The threads that still wait for a deadline."""
        slow = []
        for column in self.columns:
            for row in CONNECTION:
                self.strike_connection(self.cell(row, column), column.lanes[LANES[0]], column.tries).join()
            self.lane([self.cell(row, column) for row in FRESH], column.lanes[LANES[0]])
            for number, row in enumerate(SLOW[:2]):
                slow.append(self.strike_connection(self.cell(row, column), column.lanes[SLOW_LANES[number]], 1))
        self.sim.post("/clear", id=self.closing)
        return slow

    def slow(self, number: int, column: Column) -> threading.Thread:
        cell = self.cell(SLOW[number], column)
        return self.thread(cell, self.strike, cell, column.lanes[SLOW_LANES[number]])

    def cells_of_lanes(self, column: Column) -> list[tuple[list[Cell], Lane]]:
        rows = [row for row in (*LOST, *STATUSES, *BODIES, *HARMLESS) if row.wanted[COLUMNS.index(column.name)] != "-"]
        cells = [self.cell(row, column) for row in rows]
        for number, (name, status, body, wanted, code) in enumerate(WORDS):
            if name == column.name:
                row = Row(f"{status} {body}", "", "status", {"status": status, "json": body})
                cells.append(Cell(row, name, wanted, code))
                self.cells[number, name] = cells[-1]
        return [(cells[number::len(LANES)], column.lanes[name]) for number, name in enumerate(LANES)]

    def lane(self, cells: list[Cell], lane: Lane) -> None:
        for cell in cells:
            self.guarded(cell, self.strike, cell, lane)

    def alone(self, lanes: list[threading.Thread]) -> None:
        for thread in lanes:
            thread.join()
        with self.quiet:
            for column in self.columns:
                self.lane([self.cell(row, column) for row in (*IDLE, *WAITING)], column.lanes[ELSEWHERE])

    def huge(self, cell: Cell, lane: Lane) -> None:
        """Nobody asks that origin again within the hour, so this comes last."""
        lane.column.before(lane)
        self.arm(cell.row, lane, {"account": lane.match}, 1)
        outcome, cell.wrong = lane.column.renew(self.daemon, lane)
        cell.found = LETTER_OF[outcome]
        blocked_ms = self.status(lane)["blocked_for_ms"]
        cell.wrong = "" if 3_590_000 < blocked_ms <= 3_600_000 else f" the origin is held back for {blocked_ms} ms"
