"""The page in Chromium: nothing is cut off, contrast, sorting, zoom, tooltips, links, print, without scripts.

Debian's Chromium is used where it is installed (`apt install chromium`); elsewhere these tests are skipped.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from campaigns import NO_LOADER, make_study, write_campaign
from counted_campaigns import counted_on_server
from playwright.sync_api import Browser, Page, sync_playwright

from analysis.__main__ import main

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PROGRAM = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed: apt install chromium")

LOAD = {
    "todos": {"users": 40, "warm_up_s": 3, "duration_s": 10},
    "bubble_sort": {"users": 4, "warm_up_s": 3, "duration_s": 10},
}
# What reaches beyond the window, and is in no part of the page that scrolls by itself.
CUT_OFF = """() => {
  const width = document.documentElement.clientWidth;
  return [...document.querySelectorAll('body *')].filter((element) => {
    const place = element.getBoundingClientRect();
    const beyond = place.width > 0 && (place.right > width + 1 || place.left < -1);
    return beyond && !element.closest('.scroll, pre, .skip, .answers thead');
  }).map((element) => `${element.tagName} ${element.className} ${element.textContent.slice(0, 40)}`);
}"""
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign of a server with an arm that could not run, so that every kind of box is on the page."""
    made = tmp_path_factory.mktemp("a page's folder") / "c"
    arms = ["docker", "linux-qemu", "osv-qemu"]
    study = make_study(services=["todos-go", "bubble_sort-python"], boots=3, arms=arms, load=LOAD)
    write_campaign(made, study, edit=counted_on_server, not_run=(NO_LOADER,))
    assert main(["report", str(made)]) == 0
    return made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Root may only start it without its own sandbox.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=PROGRAM, args=arguments)
        yield started
        started.close()


@pytest.fixture
def opened(browser: Browser, folder: Path) -> Iterator[Open]:
    contexts = []

    def open_page(width: int = 1280, scheme: Any = "light", scripts: bool = True) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
        )
        contexts.append(context)
        page = context.new_page()
        page.goto((folder / "report.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()


def unfold(page: Page) -> None:
    page.evaluate("document.querySelectorAll('main details').forEach((part) => { part.open = true; })")


@pytest.mark.parametrize("width", [390, 1024, 1600])
def test_nothing_is_cut_off(opened: Open, width: int) -> None:
    page = opened(width)
    unfold(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(CUT_OFF) == []
    # On the first screen nothing has to be scrolled sideways either.
    table = page.locator("#answer .scroll").first
    assert table.evaluate("part => part.scrollWidth - part.clientWidth") <= 1


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1600, "dark")])
def test_axe_finds_no_violation(opened: Open, width: int, scheme: str) -> None:
    page = opened(width, scheme)
    unfold(page)
    found = Axe().run(page).response
    assert [(row["id"], [node["html"][:100] for node in row["nodes"]]) for row in found["violations"]] == []
    assert "color-contrast" in {row["id"] for row in found["passes"]}


def test_page_loads_nothing_and_its_script_has_no_error(browser: Browser, folder: Path) -> None:
    page = browser.new_page()
    requests: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type in ("error", "warning") else None)
    address = (folder / "report.html").as_uri()
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.close()
    assert (requests, errors) == ([address], [])


def test_every_link_leads_to_a_file_or_a_part_of_the_page(opened: Open, folder: Path) -> None:
    page = opened()
    links = page.eval_on_selector_all("a[href]", "links => links.map((link) => link.getAttribute('href'))")
    files = {link for link in links if not link.startswith("#")}
    assert len(files) > 20
    assert [link for link in files if not (folder / link).is_file()] == []
    missing = [
        link for link in links if link.startswith("#") and not page.locator(f'[id="{link[1:]}"]').count()
    ]
    assert missing == []


def column(page: Page, table: str, number: int) -> list[str]:
    cells = page.locator(f"{table} tbody tr td:nth-child({number})")
    return [text.strip() for text in cells.all_text_contents()]


def test_tables_sort_by_number_both_ways(opened: Open) -> None:
    page = opened()
    table = "#throughput table"
    page.locator("#throughput summary").click()
    before = column(page, table, 4)
    heading = page.locator(f"{table} th").nth(3)
    heading.locator("button").click()
    numbers = [float(text.replace(",", "")) for text in column(page, table, 4) if text != "-"]
    assert heading.get_attribute("aria-sort") == "ascending"
    assert numbers == sorted(numbers) and sorted(column(page, table, 4)) == sorted(before)
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert float(column(page, table, 4)[0].replace(",", "")) == numbers[-1]


def test_the_first_table_sorts_within_each_service(opened: Open) -> None:
    page = opened()
    page.locator("#answer th button", has_text="Work").click()
    first = page.locator("#answer tbody").first.locator("tr")
    assert first.nth(0).get_attribute("class") == "group"
    values = first.locator("td:nth-child(2)").evaluate_all(
        "cells => cells.map((cell) => +cell.dataset.value)"
    )
    assert values == sorted(values)


def test_points_have_tooltips(opened: Open) -> None:
    page = opened()
    titles = page.locator("#throughput svg title").all_text_contents()
    # An arm that did not run has no boots: two arms, two services, three boots.
    assert len([text for text in titles if re.search(r", boot \d: [\d.,]+$", text)]) == 12
    assert page.locator("#answer figure svg title").count() > 0


def test_figures_enlarge_and_return(opened: Open) -> None:
    page = opened()
    page.locator("#throughput .enlarge").click()
    stage = page.locator("#viewer .stage svg")
    assert stage.is_visible() and not page.locator("#throughput figure svg").count()
    assert page.locator("#viewer h2").text_content() == stage.get_attribute("aria-label")
    small = stage.bounding_box()
    page.locator("#viewer .larger").click()
    large = stage.bounding_box()
    assert small and large and large["width"] > small["width"] * 1.4
    page.keyboard.press("Escape")
    assert page.locator("#throughput figure svg").is_visible() and not stage.count()


@pytest.mark.parametrize("width", [390, 1600])
def test_contents_stay_in_sight(opened: Open, width: int) -> None:
    page = opened(width)
    page.locator("#limits").scroll_into_view_if_needed()
    assert page.evaluate("window.scrollY") > 2000
    if width == 390:
        page.locator(".contents summary").click()
    link = page.locator(".contents a[href='#memory']")
    place = link.bounding_box()
    assert place and 0 <= place["y"] < 900
    link.click()
    # The page may move there smoothly: its heading comes to rest below the bar of the contents.
    heading = "document.querySelector('#memory h2').getBoundingClientRect().top"
    below = "document.querySelector('.contents').getBoundingClientRect().bottom - 1" if width == 390 else "0"
    page.wait_for_function(f"{heading} >= {below} && {heading} < 120")


def test_without_scripts_the_page_is_complete(opened: Open) -> None:
    page = opened(scripts=False)
    for text in ("Compared with the container (docker)", NO_LOADER.remedy, "todos-go"):
        assert page.get_by_text(text).first.is_visible()
    assert page.locator("th button, .enlarge").count() == 0
    page.locator("#claims summary").first.click()
    assert page.get_by_role("columnheader", name="held within").first.is_visible()
    assert page.locator("#throughput figure svg").is_visible()


def test_print_shows_what_is_folded_and_no_controls(opened: Open) -> None:
    page = opened()
    page.emulate_media(media="print")
    for hidden in (".contents", ".enlarge"):
        assert not page.locator(hidden).first.is_visible()
    assert page.locator("#claims table").first.is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")
