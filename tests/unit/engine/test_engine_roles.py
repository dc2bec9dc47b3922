from __future__ import annotations

import pytest

from keelmark.core.facts import FileRole
from keelmark.engine.roles import role_of


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("app/main.py", FileRole.PRODUCT),
        ("pages/3_Langchain_Quickstart.py", FileRole.PRODUCT),
        ("3_quickstart.py", FileRole.EXAMPLE),
        ("examples/pages/a.py", FileRole.EXAMPLE),
        ("cypress/fixtures/hello.cpp", FileRole.TEST),
        ("src/__mocks__/fs.ts", FileRole.TEST),
        ("pkg/testdata/x.json", FileRole.TEST),
        ("app/lib/models.test.ts", FileRole.TEST),
        ("templates/{{name}}/pyproject.toml", FileRole.EXAMPLE),
        ("{{x}}.py", FileRole.PRODUCT),
        ("apps/a/.agent/skills/b/evals/x.json", FileRole.DOCUMENTATION),
        (".devcontainer/Dockerfile", FileRole.DOCUMENTATION),
        ("devcontainer/Dockerfile", FileRole.PRODUCT),
        ("third_party/x.py", FileRole.VENDORED),
        ("docs/conf.py", FileRole.DOCUMENTATION),
    ],
)
def test_role_is_told_by_place_and_name(path, role):
    assert role_of(path) is role
