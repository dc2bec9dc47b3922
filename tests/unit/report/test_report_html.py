"""The page is self-contained, cannot be injected into, and can be read by everyone."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from importlib import resources

import pytest

from keelmark.core.outcome import Verdict
from keelmark.report import html

VOID = {"meta", "input", "br", "rect", "circle", "path", "link", "img"}


class Page(HTMLParser):
    """Collects tags, ids, headings and the text of style and script."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.headings, self.raw, self.stack = [], [], {}, []
        self.unbalanced = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data):
        if self.stack and self.stack[-1] in {"style", "script"}:
            self.raw[self.stack[-1]] = self.raw.get(self.stack[-1], "") + data

    def all(self, name):
        return [attrs for tag, attrs in self.tags if tag == name]


SHAPES = [
    {"verdict": Verdict.DO_NOT_RELEASE},
    {"verdict": Verdict.DO_NOT_RELEASE, "hostile": True},
    {"verdict": Verdict.RELEASE},
    {"verdict": Verdict.NOT_ENOUGH_EVIDENCE, "hostile": True},
    {"is_partial": True, "hostile": True},
    {"is_interrupted": True},
]


@pytest.fixture(params=SHAPES, ids=str)
def page(request, make, catalogue, cards):
    return Page(html.render(make(**request.param), catalogue=catalogue, cards=cards))


def test_the_page_is_well_formed(page):
    assert page.unbalanced == []
    assert page.stack == []


def test_the_policy_names_style_and_script_by_digest_and_forbids_the_rest(page):
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.raw[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_nothing_is_loaded_and_nothing_runs_from_an_attribute(page):
    for tag, attrs in page.tags:
        assert tag not in {"img", "iframe", "object", "embed", "link", "base", "form", "video", "audio"}
        assert not {"src", "style", "action", "srcset", "xlink:href"} & set(attrs)
        assert not any(name.startswith("on") for name in attrs)
        assert attrs.get("href", "#").startswith("#")
    assert len(page.all("script")) == len(page.all("style")) == 1


def test_the_style_loads_nothing():
    style = resources.files("keelmark.report").joinpath("templates/report.css").read_text("utf-8")
    assert "url(" not in style
    assert "@import" not in style


def test_headings_start_at_one_and_never_skip_a_level(page):
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    for before, after in zip(page.headings, page.headings[1:], strict=False):
        assert after <= before + 1


def test_landmarks_and_language_are_there(page):
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("main")) == 1
    assert len(page.all("nav")) == 1
    assert page.all("nav")[0]["aria-label"]
    assert page.all("a")[0] == {"class": "skip", "href": "#main"}


def test_ids_are_unique_and_every_reference_has_its_target(page):
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    wanted = [a["href"][1:] for a in page.all("a")]
    wanted += [attrs["aria-labelledby"] for _, attrs in page.tags if "aria-labelledby" in attrs]
    assert set(wanted) <= set(ids)


def test_tables_tell_their_headers_and_scroll_by_keyboard(page):
    assert all(cell.get("scope") in {"col", "row"} for cell in page.all("th"))
    regions = [attrs for attrs in page.all("div") if attrs.get("role") == "region"]
    assert all(region["tabindex"] == "0" and region["aria-label"] for region in regions)
    assert len(regions) == len(page.all("table"))


def test_every_state_is_told_in_words(make, catalogue, cards):
    text = html.render(make(), catalogue=catalogue, cards=cards)
    for word in ("passed", "failed", "waived", "attested", "not applicable", "unknown"):
        assert f"</span>{word}</span>" in text


def test_what_a_risk_owner_signs_is_on_the_page(make, catalogue, cards):
    run = make()
    text = html.render(run, catalogue=catalogue, cards=cards)
    for words in (
        "DO NOT RELEASE",
        run.tree_digest,
        "23 November 2025",
        "Decision of the risk owner",
        "Head of platform",
        "2026-03-01",
        "stated by the CISO",
        "Git LFS pointer",
        "4 failures block",
    ):
        assert words in text
    assert text.count('class="item"') == 17


def test_a_run_without_a_decision_asks_for_no_signature(make, catalogue, cards):
    assert "Decision of the risk owner" not in html.render(
        make(is_partial=True), catalogue=catalogue, cards=cards
    )


def _themes():
    style = resources.files("keelmark.report").joinpath("templates/report.css").read_text("utf-8")
    blocks = re.findall(r":root\s*\{([^}]*)\}", style)
    base = None
    for block in blocks:
        colors = dict(re.findall(r"--([a-z-]+):\s*(#[0-9a-f]{3,6})", block))
        base = {**(base or {}), **colors}
        yield base


def _light(color):
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


PAIRS = [
    *((ink, ground) for ink in ("ink", "soft", "brand", "link") for ground in ("paper", "card", "code")),
    *(
        (tone, ground)
        for tone in ("good", "bad", "open", "calm", "mute")
        for ground in (f"{tone}-bg", "card")
    ),
    *(("ink", f"{tone}-bg") for tone in ("good", "bad", "open")),
    *(("soft", f"{tone}-bg") for tone in ("good", "bad", "open")),
    ("card", "bad"),
]


def test_every_text_has_the_contrast_that_wcag_aa_asks_for():
    themes = list(_themes())
    assert len(themes) == 3  # light, dark, print
    for theme in themes:
        for ink, ground in PAIRS:
            pair = sorted((_light(theme[ink]), _light(theme[ground])))
            ratio = (pair[1] + 0.05) / (pair[0] + 0.05)
            assert ratio >= 4.5, (ink, ground, round(ratio, 2))
