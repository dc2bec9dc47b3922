"""What the README shows is what the program prints."""

from __future__ import annotations

import shutil
from pathlib import Path

from keelmark.cli.main import run

ROOT = Path(__file__).resolve().parents[2]


def test_readme_shows_what_the_demo_prints(capsys, tmp_path: Path) -> None:
    shown = (ROOT / "README.md").read_text("utf-8").partition("```text\n")[2].partition("...\n")[0]
    folder = tmp_path / "as-found"
    shutil.copytree(ROOT / "examples/helpdesk/as-found", folder)
    assert run(["assess", str(folder), "--no-write", "--no-plugins", "--quiet"]) == 1
    assert capsys.readouterr().out.startswith(shown)
    assert shown.startswith("DO NOT RELEASE")


def test_every_link_of_the_readme_and_the_docs_leads_somewhere() -> None:
    import re2

    link = re2.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
    broken = []
    for file in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "examples/README.md"]:
        for match in link.finditer(file.read_text("utf-8")):
            target = match.group(1)
            if not target.startswith(("http", "mailto:")) and not (file.parent / target).exists():
                broken.append(f"{file.relative_to(ROOT)}: {target}")
    assert broken == []
