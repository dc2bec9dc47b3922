"""Locks of Poetry, uv and PDM, and pylock.toml."""

from __future__ import annotations

from tests.unit.formats.dependencies.dependency_files import COMMIT, SHA, by_name, read

from keelmark.core.facts import RequirementSource


def test_poetry_lock():
    reading = read(
        f"""# generated
[[package]]
name = "Torch"
version = "2.1.0"
groups = ["main"]
files = [{{file = "a.whl", hash = "{SHA}"}}]

[[package]]
name = "pytest"
version = "8.0"
groups = ["dev"]
files = []

[[package]]
name = "lib"
version = "0.1"
files = []
[package.source]
type = "git"
url = "https://github.com/o/lib"
reference = "main"
resolved_reference = "{COMMIT}"

[[package]]
name = "corp"
version = "1.0"
files = [{{file = "a.whl", hash = "md5:00"}}]
[package.source]
type = "legacy"
url = "https://corp.example.org/simple"

[metadata]
content-hash = "abc"
python-versions = "^3.11"
""",
        "poetry.lock",
    )
    manifest, items = reading.manifest, by_name(reading)
    assert (manifest.format, manifest.is_lock, manifest.digest, manifest.runtime) == (
        "poetry-lock",
        True,
        "abc",
        "^3.11",
    )
    assert (items["torch"].version, items["torch"].is_hashed, items["torch"].line) == ("2.1.0", True, 2)
    assert (items["pytest"].group, items["pytest"].is_hashed) == ("dev", False)
    assert items["lib"].source is RequirementSource.VCS
    assert items["lib"].is_immutable
    assert not items["corp"].is_hashed
    assert manifest.indexes == ("https://corp.example.org/simple",)


def test_poetry_lock_of_the_first_version_keeps_digests_apart():
    text = f"""[[package]]
name = "a"
version = "1"
category = "dev"
[metadata.files]
a = [{{file = "a.whl", hash = "{SHA}"}}]
"""
    item = by_name(read(text, "poetry.lock"))["a"]
    assert (item.is_hashed, item.group) == (True, "dev")


def test_uv_lock_finds_root_groups_and_sources():
    reading = read(
        f"""version = 1
requires-python = ">=3.11"

[[package]]
name = "demo"
version = "0.1"
source = {{ editable = "." }}
dependencies = [{{ name = "a" }}, {{ name = "lib" }}]
[package.optional-dependencies]
gpu = [{{ name = "c" }}]
[package.dev-dependencies]
dev = [{{ name = "b" }}, {{ name = "d" }}]

[[package]]
name = "a"
version = "1.0"
source = {{ registry = "https://pypi.org/simple" }}
dependencies = [{{ name = "d" }}]
sdist = {{ url = "https://x/a.tar.gz", hash = "{SHA}" }}

[[package]]
name = "b"
version = "1.0"
source = {{ registry = "https://corp.example.org/simple" }}
wheels = [{{ url = "https://x/b.whl", hash = "{SHA}" }}]

[[package]]
name = "c"
version = "1.0"
source = {{ url = "https://x/c.whl" }}
wheels = [{{ url = "https://x/c.whl", hash = "{SHA}" }}]

[[package]]
name = "d"
version = "1.0"
source = {{ registry = "https://pypi.org/simple" }}

[[package]]
name = "lib"
version = "1.0"
source = {{ git = "https://github.com/o/lib?rev=main#{COMMIT}" }}

[[package]]
name = "member"
source = {{ editable = "packages/member" }}
""",
        "uv.lock",
    )
    manifest, items = reading.manifest, by_name(reading)
    assert (manifest.name, manifest.version, manifest.runtime) == ("demo", "0.1", ">=3.11")
    assert "demo" not in items
    assert {name: item.group for name, item in items.items()} == {
        "a": "", "b": "dev", "c": "gpu", "d": "", "lib": "", "member": "",
    }  # fmt: skip
    assert (items["a"].is_hashed, items["d"].is_hashed) == (True, False)
    assert items["lib"].is_immutable
    assert items["c"].source is RequirementSource.URL
    assert items["c"].is_immutable
    assert items["member"].source is RequirementSource.PATH
    assert manifest.indexes == ("https://corp.example.org/simple",)


def test_pdm_lock_and_pylock():
    pdm = read(
        f"""[metadata]
content_hash = "sha256:abc"
[[package]]
name = "a"
version = "1.0"
groups = ["default", "dev"]
files = [{{file = "a.whl", hash = "{SHA}"}}]
[[package]]
name = "b"
version = "1.0"
groups = ["dev"]
git = "https://github.com/o/b"
revision = "{COMMIT}"
""",
        "pdm.lock",
    )
    items = by_name(pdm)
    assert pdm.manifest.digest == "sha256:abc"
    assert (items["a"].group, items["b"].group, items["b"].is_immutable) == ("", "dev", True)
    pylock = read(
        f"""lock-version = "1.0"
created-by = "x"
[[packages]]
name = "a"
version = "1.0"
marker = "sys_platform == 'linux'"
index = "https://corp.example.org/simple"
wheels = [{{ url = "https://x/a.whl", hashes = {{ sha256 = "{"a" * 64}" }} }}]
[[packages]]
name = "b"
vcs = {{ type = "git", url = "https://github.com/o/b", commit-id = "{COMMIT}" }}
[[packages]]
name = "c"
directory = {{ path = "./c" }}
[[packages]]
name = "d"
archive = {{ url = "https://x/d.zip", hashes = {{ md5 = "00" }} }}
""",
        "pylock.gpu.toml",
    )
    items = by_name(pylock)
    assert (items["a"].is_hashed, items["a"].marker) == (True, "sys_platform == 'linux'")
    assert items["b"].is_immutable
    assert items["c"].source is RequirementSource.PATH
    assert (items["d"].source, items["d"].is_hashed) == (RequirementSource.URL, False)


def test_odd_shapes_in_locks_are_gaps():
    assert read('package = "x"\n', "uv.lock").gaps
    reading = read('[[package]]\nversion = "1"\n[[package]]\nname = "ok"\nversion = "1"\n', "poetry.lock")
    assert [gap.line for gap in reading.gaps] == [1]
    assert list(by_name(reading)) == ["ok"]
