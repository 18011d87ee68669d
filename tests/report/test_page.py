"""The report as a stranger gets it: complete, alone in its file, true to the database."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from seglens.report import RunView, write_report
from seglens.report.charts import SHAPES
from seglens.report.page import page as html_of
from seglens.store import Repository
from seglens.types import SeglensError, Stage

Maker = Callable[..., Path]
VOID = {"meta", "img", "br", "link", "path", "circle", "input", "hr"}


class Page(HTMLParser):
    """The elements of a page with their attributes and text; it refuses tags that do not close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[int] = []
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self.feed(html)
        assert not self.open, [self.elements[i][0] for i in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {k: v or "" for k, v in attrs}, []))
        if tag not in VOID:
            self.open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {k: v or "" for k, v in attrs}, []))

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self.open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for i in self.open:
            self.elements[i][2].append(data)

    def all(self, tag: str, **attributes: str) -> list[tuple[dict[str, str], str]]:
        """(attributes, text) of every element ``tag`` with these attributes (``class_`` for class)."""
        wanted = {k.rstrip("_"): v for k, v in attributes.items()}
        return [
            (found, " ".join("".join(text).split()))
            for name, found, text in self.elements
            if name == tag and wanted.items() <= found.items()
        ]


def read(path: Path) -> tuple[str, Page]:
    html = path.read_text(encoding="utf-8")
    return html, Page(html)


def test_it_needs_nothing_else(run: Path) -> None:
    html, page = read(run / "report.html")
    assert not re.search(r"(https?:)?//[a-z0-9]", re.sub(r"data:image/[^\"]*", "", html), re.IGNORECASE)
    for _, attributes, _ in page.elements:
        assert attributes.get("src", "data:image/").startswith("data:image/")
        assert attributes.get("href", "#").startswith("#")
    assert not page.all("script")
    assert not page.all("link")
    assert "url(" not in html
    assert "@import" not in html


def test_every_link_leads_somewhere_and_ids_are_unique(run: Path) -> None:
    _, page = read(run / "report.html")
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [word for _, a, _ in page.elements for word in a.get("aria-labelledby", "").split()]
    links = [a["href"].removeprefix("#") for a, _ in page.all("a")]
    assert len(links) >= 7
    assert {*named, *links} <= set(ids)


def test_pictures_and_charts_have_words(run: Path) -> None:
    _, page = read(run / "report.html")
    charts = [a for a, _ in page.all("svg") if a.get("aria-hidden") != "true"]
    assert len(charts) == 2
    assert all(a["role"] == "img" for a in charts)
    described = [text for _, text in page.all("desc")]
    assert all(re.search(r"default: 0\.\d\d at \d", text) for text in described)
    pictures = page.all("img")
    assert len(pictures) > 20
    assert all(len(a["alt"]) > 15 for a, _ in pictures)
    for attributes, _ in pictures:
        data = base64.b64decode(attributes["src"].partition(",")[2])
        assert Image.open(io.BytesIO(data)).size == (int(attributes["width"]), int(attributes["height"]))


def test_reasons_and_answers_are_those_stored(run: Path) -> None:
    """Every number and class in a question's words stands in its row."""
    html, page = read(run / "report.html")
    repo = Repository.of_run(run)
    stored = {pair.query.id: pair for pair in repo.answered()}
    repo.close()
    view = RunView.load(run)
    shown = [(a["id"].removeprefix("q-"), text) for a, text in page.all("article", class_="item")]
    assert len(shown) == 18
    assert {stored[id].query.round for id, _ in shown} == {0, 1, 2}
    for id, text in shown:
        query, answer = stored[id].query, stored[id].answer
        why, said = re.search(r"Why: (.*?) Answer: (.*?\))", text).groups()
        if query.round == 0:
            assert why == "first round: spread over images"
        else:
            names = [view.classes.names[c] for c in query.reason["classes"]]
            numbers = re.findall(r"\d+\.\d+", why)
            assert numbers == [f"{query.reason['margin']:.2f}"]
            rare = ", rare class" if query.reason["rare"] else ""
            assert why == f"{' or '.join(names)}, margin {numbers[0]}{rare}"
        name = view.classes.names[answer.classes[0]]
        cost = f"(1 click, {answer.cost.pixels:,.0f} pixels, {answer.cost.seconds:.1f} s)"
        assert said == f"{name} from a person simulated from the truth {cost}"
        assert f"score {query.score:.3g}" in text
        assert query.image in text
        assert query.reason["place"] in text
    assert html.count("first round: spread over images") == 6


def test_figures_are_those_stored(make_run: Maker) -> None:
    run = make_run(full_miou=0.8)
    _, page = read(write_report(run))
    repo = Repository.of_run(run)
    metrics, spent = repo.metrics(), repo.spent()
    repo.close()
    native = {(m.round, m.name, m.class_index): m.value for m in metrics if m.truth == "native"}
    cards = [text.replace("\xa0", " ") for _, text in page.all("div", class_="card")]
    last = native[2, "miou", -1]
    assert cards[0].startswith(f"mIoU after round 2{last:.3f}")
    assert cards[1].startswith(f"of full supervision{100 * last / 0.8:.0f} %")
    assert any(card.startswith(f"clicks{spent.clicks:.0f}") for card in cards)
    rows = [text for _, text in page.all("tr")]
    for c, name in enumerate(RunView.load(run).classes.names):
        values = ["–" if (v := native[r, "iou", c]) is None else f"{v:.3f}" for r in range(3)]
        assert any(re.match(re.escape(name) + "(rare)?" + "".join(values), row) for row in rows)


def test_a_class_name_is_text_never_markup(run: Path) -> None:
    html, page = read(run / "report.html")
    assert "<b>rider" not in html
    assert "&lt;b&gt;rider&lt;/b&gt; &amp; co" in html
    assert not page.all("b")


def test_several_runs_are_drawn_together(make_run: Maker) -> None:
    runs = [make_run("one", rounds=2), make_run("two", preset="random <superpixel>", seed=1, rounds=2)]
    path = write_report(runs, runs[0].parent / "both.html")
    html, page = read(path)
    assert path.name == "both.html"
    assert [text for _, text in page.all("ul", class_="legend")] == ["default random <superpixel>"]
    assert all("default: 0." in text and "random <superpixel>: 0." in text for _, text in page.all("desc"))
    assert html.count('class="s1 line"') == 2
    assert "full supervision" not in html


def test_more_runs_than_colours_are_refused(run: Path) -> None:
    with pytest.raises(SeglensError, match=f"found {SHAPES + 1} runs; allowed: 1 to {SHAPES}"):
        write_report([run] * (SHAPES + 1))


def test_no_run_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SeglensError, match="not a run"):
        write_report(tmp_path)


def test_an_unfinished_run_says_so(make_run: Maker) -> None:
    run = make_run(rounds=1)
    repo = Repository.of_run(run)
    repo.begin_round(1, 5.0)
    repo.advance(1, Stage.AWAIT)
    repo.close()
    _, page = read(write_report(run))
    assert "round 1 stands at the stage “await”" in page.all("p", role="status")[0][1]


def test_a_run_without_figures_or_labels_still_reports(make_run: Maker) -> None:
    run = make_run(rounds=0)
    _, page = read(write_report(run))
    assert "nothing to show yet" in page.all("p", role="status")[0][1]
    assert not page.all("svg", class_="chart")


def test_a_lost_image_costs_its_pictures_only(run: Path) -> None:
    view = RunView.load(run)

    def lost(id: str) -> None:
        raise SeglensError(f"{id}: unreadable")

    page = Page(html_of([replace(view, image=lost)]))
    assert len(page.all("article", class_="item")) == 18
    assert all("Map of the places" in image["alt"] for image, _ in page.all("img"))


def test_the_file_stays_small(make_run: Maker) -> None:
    """At most 48 questions are shown, however many rounds there are."""
    path = write_report(make_run(rounds=5))
    _, page = read(path)
    assert path.stat().st_size < 5_000_000
    assert len(page.all("article", class_="item")) == 30


def test_headings_skip_no_level(run: Path) -> None:
    _, page = read(run / "report.html")
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_what_scrolls_can_be_reached_with_the_keyboard(run: Path) -> None:
    _, page = read(run / "report.html")
    scrolled = [a for a, _ in page.all("div", class_="scroll")]
    assert len(scrolled) >= 6
    assert all(a["tabindex"] == "0" and a["role"] == "region" and a["aria-label"] for a in scrolled)


def test_images_that_changed_since_are_not_passed_off_as_those_asked_about(make_run: Maker) -> None:
    folder = make_run(rounds=1)
    repo = Repository.of_run(folder)
    repo.set_meta("images", "another pool")
    repo.close()
    _, page = read(write_report(folder))
    assert "images have changed since this run" in page.all("p", role="status")[0][1]
