"""What a file is for, told by where it lies and what it is called."""

from __future__ import annotations

import re2

from keelmark.core.facts import FileRole

__all__ = ["role_of"]

_TEST_FOLDERS = {
    "test",
    "tests",
    "testing",
    "__tests__",
    "spec",
    "specs",
    "unit_tests",
    "integration_tests",
    "e2e",
    "cypress",
    "testdata",
    "test_data",
    "__mocks__",
    "__fixtures__",
}
_EXAMPLE_FOLDERS = {
    "example",
    "examples",
    "sample",
    "samples",
    "demo",
    "demos",
    "tutorial",
    "tutorials",
    "cookbook",
}
_DOCUMENT_FOLDERS = {"doc", "docs", "documentation", "website"}
# The workplace of developers: what steers their coding assistants, what tries out the skills of these, their containers.
_WORKPLACE_FOLDERS = {
    ".agent",
    ".agents",
    ".claude",
    ".codex",
    ".cursor",
    ".devcontainer",
    ".gemini",
    ".windsurf",
}
_VENDOR_FOLDERS = {
    "vendor",
    "vendored",
    "third_party",
    "third-party",
    "thirdparty",
    "_vendor",
    "extern",
    "external",
}
_GENERATED_FOLDERS = {"dist", "site-packages", "_generated", "generated"}
_TEST_NAME = re2.compile(
    r"(test_.*|.*_test|conftest|.*\.(test|spec))\.(py|ipynb|js|jsx|ts|tsx|go|rs)|conftest\.py"
)
_EXAMPLE_NAME = re2.compile(r"(.*[_-])?(tutorial|quickstart|example|demo)s?([_-].*)?\.(py|ipynb|js|ts)")
_GENERATED_NAME = re2.compile(r".*(_pb2(_grpc)?\.pyi?|\.min\.(js|css)|\.bundle\.js|\.map)")


def role_of(path: str) -> FileRole:
    """The role of a file by its relative path. What is not plainly something else is product."""
    readable = path.encode("utf-8", "backslashreplace").decode("utf-8")  # RE2 knows no lone surrogates.
    *folders, name = readable.lower().split("/")
    inside = set(folders)
    if inside & _VENDOR_FOLDERS:
        return FileRole.VENDORED
    if inside & _GENERATED_FOLDERS or _GENERATED_NAME.fullmatch(name):
        return FileRole.GENERATED
    if inside & _TEST_FOLDERS or _TEST_NAME.fullmatch(name):
        return FileRole.TEST
    if any("{{" in folder for folder in folders):
        return FileRole.EXAMPLE  # A template that a tool turns into a project.
    if inside & _WORKPLACE_FOLDERS:
        return FileRole.DOCUMENTATION
    # A file in `pages` is served under its name, whatever the name.
    if inside & _EXAMPLE_FOLDERS or (folders[-1:] != ["pages"] and _EXAMPLE_NAME.fullmatch(name)):
        return FileRole.EXAMPLE
    if inside & _DOCUMENT_FOLDERS:
        return FileRole.DOCUMENTATION
    return FileRole.PRODUCT
