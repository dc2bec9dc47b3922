from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.facts import DocumentKind as K
from keelmark.errors import KeelmarkError
from keelmark.formats.documents import READER
from keelmark.formats.licence_texts import detect, spdx_of
from keelmark.formats.source import Source


def source(text: str | bytes, path: str) -> Source:
    return Source.of_bytes(text if isinstance(text, bytes) else text.encode(), path=path)


def document(text: str, path: str):
    (reading,) = READER.read(source(text, path))
    return reading.document


@pytest.mark.parametrize(
    ("path", "text", "kind"),
    [
        ("README.md", "# X", K.README),
        ("README.md", "---\nlicense: mit\nlibrary_name: peft\n---\n# X", K.MODEL_CARD),
        ("README.md", "---\nlicense: cc-by-4.0\ntask_categories: [x]\n---\n# X", K.DATA_CARD),
        ("README.md", "---\ntitle: A site\ntags: [x]\n---\n# X", K.README),
        ("sample_model/model_description.md", "## Model", K.MODEL_CARD),
        ("MODEL_CARD.md", "x", K.MODEL_CARD),
        ("docs/data-card.md", "x", K.DATA_CARD),
        ("docs/notes.md", "# Threat model", K.THREAT_MODEL),
        ("docs/notes.md", "# Acme assistant threat model", K.THREAT_MODEL),
        ("docs/notes.md", "# How to write a threat model", K.OTHER),
        ("docs/notes.md", "# Model cards are useful, and here is a story about them", K.OTHER),
        ("docs/threat-model.md", "x", K.THREAT_MODEL),
        ("docs/ir.md", "# Incident response plan", K.INCIDENT_PLAN),
        ("docs/incident-response.md", "x", K.INCIDENT_PLAN),
        ("SECURITY.md", "x", K.SECURITY_POLICY),
        (".well-known/security.txt", "Contact: mailto:a@b.org", K.SECURITY_POLICY),
        ("docs/adr/0001-use-x.md", "x", K.DECISION_RECORD),
        ("docs/x.md", "# Use X\n## Context\na\n## Decision\nb\n## Consequences\nc", K.DECISION_RECORD),
        ("docs/technical-debt.md", "x", K.DEBT_REGISTER),
        ("docs/lifecycle.md", "x", K.LIFECYCLE_PLAN),
        ("docs/evaluation-report.md", "x", K.EVALUATION_REPORT),
        ("docs/user-notice.md", "x", K.USER_NOTICE),
        ("PRIVACY.md", "x", K.PRIVACY_NOTICE),
        ("docs/prompt-register.md", "x", K.PROMPT_CARD),
        ("docs/runbook.md", "x", K.RUNBOOK),
        ("CHANGELOG.md", "x", K.CHANGELOG),
        ("CONTRIBUTING.rst", "x", K.CONTRIBUTING),
        ("CODE_OF_CONDUCT.md", "x", K.CODE_OF_CONDUCT),
        ("LICENSE", "x", K.LICENCE),
        ("NOTICE", "x", K.OTHER),
        ("docs/api-lifecycle.md", "# Client lifecycle hooks", K.OTHER),
        ("licenses/AUTHORS.md", "x", K.OTHER),
    ],
)
def test_kind_is_told_by_name_front_matter_and_title(path, text, kind):
    assert READER.recognises(source(text, path))
    assert document(text, path).kind is kind


@pytest.mark.parametrize(
    "path",
    [
        "requirements.txt",
        "vocab.txt",
        "license.py",
        "prompts/system.md",
        "CLAUDE.md",
        ".github/ISSUE_TEMPLATE/bug.md",
        "README.html",
    ],
)
def test_other_files_are_left_alone(path):
    assert not READER.recognises(source("x", path))


def test_sections_count_their_words_and_skip_fences():
    text = "intro\n# A *b*\none two\n```\n# no heading\n```\n## C\nthree\n\nTitle\n=====\nx\n"
    found = document(text, "x.md")
    assert [(s.title, s.level, s.line, s.words) for s in found.sections] == [
        ("A b", 1, 2, 4),
        ("C", 2, 7, 1),
        ("Title", 1, 10, 1),
    ]
    assert "no heading" in found.sections[0].text
    assert found.words == 11


def test_restructured_text_has_sections():
    found = document("Title\n=====\n\nA\n-\n\nSub\n---\nwords here\n", "x.rst")
    assert [(s.title, s.level) for s in found.sections] == [("Title", 1), ("Sub", 2)]


def test_front_matter_becomes_metadata_licence_and_dates():
    text = "---\nlicense: apache-2.0\ntags: [a, b]\nmodel-index:\n- name: x\nlast_reviewed: 2026-01-02\n---\n# T\n"
    found = document(text, "README.md")
    assert found.licence == "Apache-2.0"
    assert ("tags", "a, b") in found.metadata
    assert ("model-index.0.name", "x") in found.metadata
    assert found.dates == (("last_reviewed", "2026-01-02"),)
    assert found.sections[0].line == 8


def test_broken_front_matter_is_a_gap_and_the_text_is_read():
    (reading,) = READER.read(source("---\na: [\n---\n# T\nword\n", "MODEL_CARD.md"))
    assert reading.gaps
    assert reading.document.title == "T"


def test_rule_at_the_top_is_no_front_matter():
    assert document("---\nplain words\n---\n# T\n", "x.md").metadata == ()


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("Last reviewed: 2026-01-01", (("last reviewed", "2026-01-01"),)),
        ("**Last reviewed:** 2026-01-01", (("last reviewed", "2026-01-01"),)),
        ("| Next review | 2026-01-01 |", (("next review", "2026-01-01"),)),
        ("Expires: 2026-12-31T23:59:59Z", (("expires", "2026-12-31"),)),
        ("See issue 2026-01-01 for more", ()),
        ("Last reviewed: 2026-13-01", ()),
    ],
)
def test_labelled_dates_are_found(line, found):
    assert document(f"# T\n\n{line}\n", "x.md").dates == found


def test_contacts_are_mail_addresses_and_report_links():
    text = "Mail security@acme.org or https://github.com/a/b/security/advisories/new. git@github.com:a/b me@example.com\n"
    assert document(text, "SECURITY.md").contacts == (
        "security@acme.org",
        "https://github.com/a/b/security/advisories/new",
    )


def test_changelog_dates_its_versions():
    assert document("# Changelog\n## [1.2.0] - 2026-02-03\n", "CHANGELOG.md").dates == (
        ("1.2.0", "2026-02-03"),
    )


MIT = """MIT License

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software")...
The above copyright notice and this permission notice shall be included"""
BSD = """Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:"""


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        (MIT, "MIT"),
        (BSD, "BSD-2-Clause"),
        (BSD + " Neither the name of the holder", "BSD-3-Clause"),
        ("Apache License\n      Version 2.0, January 2004", "Apache-2.0"),
        ("GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007", "GPL-3.0-only"),
        ("GNU AFFERO GENERAL PUBLIC LICENSE\n   Version 3, 19 November 2007", "AGPL-3.0-only"),
        ('"Commons Clause" License Condition v1.0\n' + MIT, "LicenseRef-Commons-Clause AND MIT"),
        ("SPDX-License-Identifier: MPL-2.0\n", "MPL-2.0"),
        ("All rights reserved.", ""),
    ],
)
def test_licence_texts(text, spdx):
    assert detect(text) == spdx


@pytest.mark.parametrize(
    ("name", "spdx"),
    [
        ("apache-2.0", "Apache-2.0"),
        ("MIT", "MIT"),
        ("https://creativecommons.org/licenses/by-nc/4.0/", "CC-BY-NC-4.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://spdx.org/licenses/EUPL-1.2.html", "EUPL-1.2"),
        ("other", ""),
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("see the file", ""),
    ],
)
def test_licence_names(name, spdx):
    assert spdx_of(name) == spdx


@given(st.binary(max_size=400), st.sampled_from(["a.md", "a.rst", "LICENSE"]))
def test_any_bytes_end_in_a_reading_or_a_named_fault(data, path):
    with contextlib.suppress(KeelmarkError):
        assert READER.read(source(data, path))


@given(st.text(alphabet="-#= \n:[]{}ab`*|", max_size=200))
def test_any_markup_is_read(text):
    assert READER.read(source(text, "a.md"))
    assert READER.read(source(text, "a.rst"))


def test_headings_in_comments_are_no_headings():
    text = (
        "<!-- [[[cog\n# Made by a tool\n]]] -->\n# Real <!-- omit in toc -->\nwords\n<!-- note -->\n## Next\n"
    )
    found = document(text, "README.md")
    assert found.title == "Real"
    assert [section.title for section in found.sections] == ["Real", "Next"]


def test_comment_in_a_code_block_hides_nothing():
    assert [s.title for s in document("# A\n```\n<!--\n```\n# B\n", "x.md").sections] == ["A", "B"]


@pytest.mark.parametrize("name", ["DATA_LICENSE", "WEIGHT_DIFF_LICENSE", "LICENSE-MODEL", "model-license"])
def test_licences_of_parts_are_licences(name):
    assert document("Attribution", name).kind is K.LICENCE


def test_words_are_counted_without_marks_and_rules():
    assert document("# Two words\n\n---\n- it's *bold* \u2014 (yes)\n| a | b |\n", "x.md").words == 7
