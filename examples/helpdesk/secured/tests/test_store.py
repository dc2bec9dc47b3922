import csv
import hashlib
import io
import shutil

import pytest

from helpdesk import prompts
from helpdesk.integrity import IntegrityError
from helpdesk.settings import ROOT
from helpdesk.store import Store


def test_most_tickets_find_their_article():
    store = Store.load(ROOT)
    tickets = list(csv.DictReader(io.StringIO((ROOT / "data" / "tickets.csv").read_text(encoding="utf-8"))))
    found = [ticket["expected_article"] in [a["id"] for a in store.search(ticket["text"])] for ticket in tickets]
    assert sum(found) / len(found) >= 0.75


def test_a_changed_index_is_refused(tmp_path):
    shutil.copytree(ROOT / "data", tmp_path / "data")
    shutil.copy(ROOT / "SHA256SUMS", tmp_path)
    changed = tmp_path / "data" / "index.json"
    changed.write_text(changed.read_text().replace("30 days", "90 days"))
    with pytest.raises(IntegrityError, match="not the released"):
        Store.load(tmp_path)


def test_the_register_knows_the_prompt():
    register = (ROOT / "docs" / "prompt-register.md").read_text(encoding="utf-8")
    assert hashlib.sha256(prompts.SYSTEM_PROMPT.encode()).hexdigest() in register
    assert f"{prompts.PROMPT_ID} | {prompts.PROMPT_VERSION}" in register
