"""Tables in narrow terminals and in files: no word is cut."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.table import Table

from models.tables import fits, print_table

HEADINGS = ("viewers", "videotexture_percent", "each_percent", "plain_aiortc_percent", "packets_late", "lost_packets")


def printed(table: Table, width: int, *, to_terminal: bool = True) -> str:
    out = io.StringIO()
    print_table(table, Console(file=out, width=width, force_terminal=to_terminal, color_system=None))
    return out.getvalue()


def figures(columns: int = len(HEADINGS)) -> Table:
    table = Table(*HEADINGS[:columns], title="Fan-out", caption="in per cent of a core")
    for row in range(3):
        table.add_row(*(f"{10000 + 1000 * row + column}.25" for column in range(columns)))
    return table


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_a_wide_table_is_split_and_nothing_of_it_is_cut(width: int) -> None:
    text = printed(figures(), width)
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= width
    for heading in HEADINGS:
        assert heading in text
    for row in range(3):
        for column in range(1, len(HEADINGS)):
            assert text.count(f"{10000 + 1000 * row + column}.25") == 1
    assert text.count("in per cent of a core") == 1


def test_each_part_of_a_split_table_begins_with_the_first_column() -> None:
    headings = [line for line in printed(figures(), 60).splitlines() if "_percent" in line or "packets" in line]
    assert len(headings) > 1
    assert all("viewers" in line for line in headings)


def test_a_table_that_fits_is_one_table() -> None:
    assert printed(figures(3), 80).count("viewers") == 1


@pytest.mark.parametrize("width", [20, 80])
def test_a_file_gets_the_whole_width(width: int) -> None:
    lines = printed(figures(), width, to_terminal=False).splitlines()
    assert "…" not in "".join(lines)
    heading = next(line for line in lines if "viewers" in line)
    assert all(name in heading for name in HEADINGS)


def test_sentences_wrap_between_words() -> None:
    table = Table("what", "mend")
    table.add_row("a_long_name_of_something", "install the package that this machine has not got, and start it anew")
    text = printed(table, 50)
    assert "…" not in text
    assert "a_long_name_of_something" in text
    assert max(len(line) for line in text.splitlines()) <= 50
    for word in ("install", "package", "machine", "anew"):
        assert word in text


def test_a_word_that_is_wider_than_the_terminal_is_folded_and_not_lost() -> None:
    table = Table("a", "b")
    table.add_row("x", "0123456789" * 5)
    text = printed(table, 30)
    assert "…" not in text
    assert "".join(character for character in text if character.isdigit()) == "0123456789" * 5


def test_whether_a_table_fits_is_told_beforehand() -> None:
    def console(width: int, *, is_terminal: bool = True) -> Console:
        return Console(file=io.StringIO(), width=width, force_terminal=is_terminal)

    assert fits(figures(2), console(80))
    assert not fits(figures(), console(80))
    assert fits(figures(), console(80, is_terminal=False))
