"""How the page prints, read from its own style sheet: no browser is needed.

The reader below knows what the sheet uses: rules, and at-rules that hold rules. All selectors that these
tests ask for are as specific on the screen as in print, so the last one that names an element wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from campaigns import make_study, write_campaign

from analysis.__main__ import main

A4_HEIGHT_MM = 297.0
DARK = "@media screen and (prefers-color-scheme: dark)"

Rule = tuple[str, str, dict[str, str]]


def rules(css: str, inside: str = "") -> Iterator[Rule]:
    """The at-rule around each rule ("" for none), one of its selectors, and what it declares."""
    place = 0
    while (opens := css.find("{", place)) >= 0:
        head, depth, end = css[place:opens].strip(), 1, opens
        while depth:
            end += 1
            depth += {"{": 1, "}": -1}.get(css[end], 0)
        body, place = css[opens + 1 : end], end + 1
        if "{" in body:
            yield from rules(body, head)
        else:
            pairs = (line.split(":", 1) for line in body.split(";") if line.strip())
            declared = {name.strip(): value.strip() for name, value in pairs}
            # A comma between parentheses parts no selectors.
            yield from ((inside, selector.strip(), declared) for selector in re.split(r",(?![^(]*\))", head))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("print") / "c"
    write_campaign(folder, make_study(services=["todos-go"], boots=1))
    assert main(["report", str(folder)]) == 0
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def sheet(page: str) -> list[Rule]:
    (style,) = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    return list(rules(re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)))


def printed(sheet: list[Rule], selector: str) -> dict[str, str]:
    """What holds for a selector on paper: every rule that is not for the screen alone, the last one wins."""
    found: dict[str, str] = {}
    for media, name, declared in sheet:
        if name == selector and media in ("", "@media print"):
            found |= declared
    return found


@pytest.mark.parametrize("selector", ["figure", "tr", ".state", ".caution"])
def test_no_page_break_cuts_it(sheet: list[Rule], selector: str) -> None:
    assert printed(sheet, selector)["break-inside"] == "avoid"


@pytest.mark.parametrize("selector", ["h2", "h3", "summary", "thead", "p:has(+ figure)", "p:has(+ .scroll)"])
def test_it_stays_with_what_follows(sheet: list[Rule], selector: str) -> None:
    assert printed(sheet, selector)["break-after"] == "avoid"


def test_what_is_folded_on_the_screen_is_open_on_paper(page: str, sheet: list[Rule]) -> None:
    assert "<details><summary>" in page
    assert printed(sheet, "details::details-content")["content-visibility"] == "visible"
    assert printed(sheet, "details::details-content")["height"] == "auto"


def test_links_within_the_page_are_not_printed(page: str, sheet: list[Rule]) -> None:
    assert "<nav" in page
    assert printed(sheet, "nav")["display"] == "none"


def test_paper_is_light_whatever_the_reader_prefers(sheet: list[Rule]) -> None:
    paper, dark = printed(sheet, ":root"), {}
    for media, name, declared in sheet:
        if media == DARK:
            assert name == ":root"
            dark |= declared
    assert paper["color-scheme"] == "light"
    assert (paper["--paper"], paper["--ink"]) == ("#ffffff", "#222222")
    assert set(dark) <= set(paper)
    assert dark["--paper"] != paper["--paper"]
    # Else tinted boxes would lose the tint that their text is set for.
    assert printed(sheet, ".state")["print-color-adjust"] == "exact"


def test_nothing_is_wider_or_higher_than_the_page(sheet: list[Rule]) -> None:
    margin = re.fullmatch(r"(\d+)mm (\d+)mm", printed(sheet, "@page")["margin"])
    assert printed(sheet, "@page")["size"] == "A4"
    assert margin
    figure = printed(sheet, "figure svg")
    assert (figure["width"], figure["max-width"], figure["min-width"]) == ("auto", "100%", "0")
    highest_mm = float(figure["max-height"].removesuffix("mm"))
    heading_and_caption_mm = 35
    assert highest_mm + heading_and_caption_mm <= A4_HEIGHT_MM - 2 * float(margin[1])
    assert printed(sheet, ".scroll")["overflow"] == "visible"
    assert printed(sheet, "main")["max-width"] == "none"
    assert printed(sheet, "table")["max-width"] == "100%"
    assert printed(sheet, "pre")["white-space"] == "pre-wrap"
    # Tables of many columns: their cells wrap, and the widest has a page on its side.
    assert printed(sheet, "table:has(th:nth-child(9)) td")["white-space"] == "normal"
    assert printed(sheet, "details:has(th:nth-child(14))")["page"] == "wide"
    assert "landscape" in printed(sheet, "@page wide")["size"]


def test_captions_are_no_larger_than_text(sheet: list[Rule]) -> None:
    """Sizes in rem follow the root's, which has to be that of paper."""
    assert printed(sheet, "html")["font-size"] == "9.5pt"
    assert printed(sheet, "body")["font-size"] == "1rem"
    assert float(printed(sheet, "figcaption")["font-size"].removesuffix("rem")) <= 1


def test_the_rules_for_paper_come_last(sheet: list[Rule]) -> None:
    media = [name for name, _, _ in sheet]
    assert set(media[media.index("@media print") :]) == {"@media print"}
