"""npm, Yarn, pnpm, Cargo, Go, Ruby, Java."""

from __future__ import annotations

import json

import pytest
from tests.unit.formats.dependencies.dependency_files import COMMIT, by_name, read

from keelmark.core.facts import GapReason, RequirementSource
from keelmark.errors import LimitExceededError
from keelmark.formats.dependencies.node import override_name

SHA512 = "sha512-" + "a" * 86 + "=="


def test_package_json():
    found = read(
        """{
  "name": "app",
  "license": {"type": "MIT"},
  "engines": {"node": ">=18"},
  "scripts": {"postinstall": "node x.js", "odd": 1},
  "dependencies": {
    "express": "^4.18.0",
    "exact": "1.2.3",
    "any": "*",
    "@scope/x": "github:o/x#COMMIT",
    "short": "o/short#main",
    "tar": "https://user:pw@example.org/t.tgz",
    "gitty": "git+https://u:p@example.org/o/g.git#main",
    "loc": "file:../loc"
  },
  "devDependencies": {"jest": "29.0.0"},
  "peerDependencies": {"react": ">=17"},
  "overrides": {"minimist": "1.2.8", "a@1": {"b": "2"}},
  "resolutions": {"**/@s/q@1": "2", "x/y": "1"}
}""".replace("COMMIT", COMMIT),
        "package.json",
    )
    manifest, items = found.manifest, by_name(found)
    assert (manifest.licence, manifest.runtime, manifest.name) == ("MIT", ">=18", "app")
    assert manifest.scripts == (("postinstall", "node x.js"),)
    assert (items["express"].line, items["express"].specifier, items["express"].version) == (7, "^4.18.0", "")
    assert (items["exact"].version, items["any"].specifier) == ("1.2.3", "")
    assert items["@scope/x"].source is RequirementSource.VCS
    assert items["@scope/x"].is_immutable
    assert (items["short"].source, items["short"].is_immutable) == (RequirementSource.VCS, False)
    assert items["tar"].reference == "https://example.org/t.tgz"
    assert items["gitty"].reference == "https://example.org/o/g.git#main"
    assert items["loc"].source is RequirementSource.PATH
    assert (items["jest"].group, items["react"].group) == ("dev", "peer")
    assert {name for name, item in items.items() if item.group == "override"} == {
        "minimist",
        "a",
        "@s/q",
        "y",
    }


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("a", "a"),
        ("a@1", "a"),
        ("vite@>=4.4.0 <4.4.12", "vite"),
        ("katex@>=0.11.0 <0.16.10", "katex"),
        ("@adobe/css-tools@<4.3.2", "@adobe/css-tools"),
        ("@s/x", "@s/x"),
        ("parent>child", "child"),
        ("parent@1>@s/child@>=2 <3", "@s/child"),
        ("parent@>=1>child", "child"),
        ("**/@s/q", "@s/q"),
        ("**/a/b", "b"),
        ("@s/parent/child", "child"),
    ],
)
def test_names_of_overrides(key, name):
    assert override_name(key) == name


def test_package_lock_of_version_three():
    found = read(
        json.dumps(
            {
                "name": "app",
                "packages": {
                    "": {"license": "MIT", "engines": {"node": ">=18"}},
                    "node_modules/a": {
                        "version": "1.0.0",
                        "resolved": "https://npm.corp.example.org/a/-/a-1.0.0.tgz",
                        "integrity": SHA512,
                    },
                    "node_modules/a/node_modules/b": {
                        "version": "2.0.0",
                        "dev": True,
                        "integrity": "sha1-aaaa",
                    },
                    "node_modules/g": {
                        "version": "1.0.0",
                        "resolved": f"git+ssh://git@github.com/o/g.git#{COMMIT}",
                    },
                    "node_modules/w": {"link": True, "resolved": "packages/w"},
                    "packages/w": {"version": "1.0.0"},
                },
            },
            indent=2,
        ),
        "package-lock.json",
    )
    manifest, items = found.manifest, by_name(found)
    assert (manifest.licence, manifest.runtime, manifest.is_lock) == ("MIT", ">=18", True)
    assert manifest.indexes == ("https://npm.corp.example.org",)
    assert (items["a"].is_hashed, items["a"].line > 0) == (True, True)
    assert (items["b"].is_hashed, items["b"].group) == (False, "dev")
    assert (items["g"].source, items["g"].is_immutable) == (RequirementSource.VCS, True)
    assert items["w"].source is RequirementSource.PATH
    assert len(items) == 4


def test_package_lock_of_version_one():
    text = json.dumps(
        {
            "dependencies": {
                "a": {
                    "version": "1.0.0",
                    "integrity": SHA512,
                    "dependencies": {"b": {"version": "2.0.0", "optional": True}},
                },
                "g": {"version": f"git+https://github.com/o/g.git#{COMMIT}"},
            }
        },
        indent=1,
    )
    items = by_name(read(text, "npm-shrinkwrap.json"))
    assert (items["a"].version, items["b"].group) == ("1.0.0", "optional")
    assert (items["g"].is_immutable, items["g"].version) == (True, "")


def test_deep_package_lock_is_a_limit():
    value = {"version": "1"}
    for _ in range(60):
        value = {"version": "1", "dependencies": {"a": value}}
    with pytest.raises(LimitExceededError):
        read(json.dumps({"dependencies": {"a": value}}), "package-lock.json")


def test_yarn_of_version_one():
    found = read(
        f"""# yarn lockfile v1


"@babel/core@^7.0.0", "@babel/core@^7.1.0":
  version "7.2.0"
  resolved "https://registry.yarnpkg.com/@babel/core/-/core-7.2.0.tgz#abc"
  integrity {SHA512}
  dependencies:
    semver "^5.0.0"

"alias@npm:real@^1.0.0":
  version "1.0.1"

g@git+https://github.com/o/g.git:
  version "1.0.0"
  resolved "git+https://github.com/o/g.git#{COMMIT}"
""",
        "yarn.lock",
    )
    items = by_name(found)
    assert set(items) == {"@babel/core", "real", "g"}
    assert (items["@babel/core"].version, items["@babel/core"].line) == ("7.2.0", 4)
    assert items["@babel/core"].is_hashed
    assert items["g"].is_immutable


def test_yarn_berry():
    found = read(
        f"""__metadata:
  version: 8

"a@npm:^1.0.0":
  version: 1.0.2
  resolution: "a@npm:1.0.2"
  checksum: 10c0/{"a" * 128}

"app@workspace:.":
  version: 0.0.0-use.local
  resolution: "app@workspace:."
""",
        "yarn.lock",
    )
    items = by_name(found)
    assert (items["a"].version, items["a"].is_hashed, items["a"].line) == ("1.0.2", True, 4)
    assert items["app"].source is RequirementSource.PATH


@pytest.mark.parametrize(
    ("key", "name", "version"),
    [
        ("/a/1.0.0", "a", "1.0.0"),
        ("/@s/a/1.0.0_react@18.0.0", "@s/a", "1.0.0"),
        ("/@s/a@1.0.0", "@s/a", "1.0.0"),
        ("a@1.0.0", "a", "1.0.0"),
        ("'@s/a@1.0.0(react@18.0.0)'", "@s/a", "1.0.0"),
    ],
)
def test_pnpm_keys_of_all_versions(key, name, version):
    text = f"lockfileVersion: '9.0'\npackages:\n  {key}:\n    resolution: {{integrity: {SHA512}}}\n    dev: true\n"
    (item,) = read(text, "pnpm-lock.yaml").manifest.requirements
    assert (item.name, item.version, item.line, item.is_hashed, item.group) == (name, version, 3, True, "dev")


def test_pnpm_sources():
    text = f"""packages:
  g@https://codeload.github.com/o/g/tar.gz/{COMMIT}:
    resolution: {{tarball: https://codeload.github.com/o/g/tar.gz/{COMMIT}}}
    version: 1.0.0
  h@x:
    resolution: {{repo: https://github.com/o/h, commit: {COMMIT}, type: git}}
  d@file:d:
    resolution: {{directory: d, type: directory}}
overrides:
  x: 1.0.0
"""
    items = by_name(read(text, "pnpm-lock.yaml"))
    assert (items["g"].source, items["g"].is_immutable, items["g"].version) == (
        RequirementSource.VCS,
        True,
        "1.0.0",
    )
    assert items["h"].is_immutable
    assert items["d"].source is RequirementSource.PATH
    assert items["x"].group == "override"


def test_cargo():
    found = read(
        f"""[package]
name = "app"
version = "0.1.0"
license = "MIT"
rust-version = "1.70"
[dependencies]
serde = "1.0"
exact = "=1.2.3"
lib = {{ git = "https://github.com/o/lib", rev = "{COMMIT}" }}
loc = {{ path = "../loc" }}
inherited.workspace = true
renamed = {{ package = "real", version = "2", optional = true }}
[dev-dependencies]
tokio = "*"
[target.'cfg(unix)'.dependencies]
nix = "0.27"
[workspace.dependencies]
shared = "1"
""",
        "Cargo.toml",
    )
    items = by_name(found)
    assert (found.manifest.licence, found.manifest.runtime) == ("MIT", "1.70")
    assert (items["serde"].line, items["exact"].version, items["tokio"].group) == (7, "1.2.3", "dev")
    assert items["lib"].is_immutable
    assert items["loc"].source is RequirementSource.PATH
    assert items["real"].group == "optional"
    assert items["nix"].marker == "cfg(unix)"
    assert "inherited" not in items
    assert "shared" in items
    lock = read(
        f"""version = 3
[[package]]
name = "app"
version = "0.1.0"

[[package]]
name = "serde"
version = "1.0.1"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "{"a" * 64}"

[[package]]
name = "g"
version = "1.0.0"
source = "git+https://github.com/o/g?rev=x#{COMMIT}"

[[package]]
name = "k"
version = "1.0.0"
source = "registry+https://corp.example.org/index"
""",
        "Cargo.lock",
    )
    items = by_name(lock)
    assert lock.manifest.name == "app"
    assert (items["serde"].is_hashed, items["serde"].line) == (True, 6)
    assert items["g"].is_immutable
    assert lock.manifest.indexes == ("registry+https://corp.example.org/index",)


def test_go():
    found = read(
        "module example.org/app\n\ngo 1.22\n\nrequire github.com/a/b v1.2.3\n\nrequire (\n"
        "\tgithub.com/c/d v0.1.0 // indirect\n)\nreplace (\n\tx v1.0.0 => y v2.0.0\n)\n",
        "go.mod",
    )
    assert (found.manifest.name, found.manifest.runtime, found.manifest.is_lock) == (
        "example.org/app",
        "1.22",
        False,
    )
    assert [(item.name, item.version, item.line) for item in found.manifest.requirements] == [
        ("github.com/a/b", "v1.2.3", 5),
        ("github.com/c/d", "v0.1.0", 8),
    ]
    total = read("github.com/a/b v1.2.3 h1:abc=\ngithub.com/a/b v1.2.3/go.mod h1:def=\n", "go.sum")
    assert [(item.version, item.is_hashed) for item in total.manifest.requirements] == [("v1.2.3", True)]


def test_gemfile_lock():
    found = read(
        f"""GIT
  remote: https://github.com/o/g.git
  revision: {COMMIT}
  specs:
    g (1.0.0)

PATH
  remote: engines/x
  specs:
    x (0.1)

GEM
  remote: https://rubygems.org/
  remote: https://u:p@gems.example.org/
  specs:
    rails (7.0.0)
      actionpack (= 7.0.0)

DEPENDENCIES
  rails
""",
        "Gemfile.lock",
    )
    items = by_name(found)
    assert set(items) == {"g", "x", "rails"}
    assert (items["g"].is_immutable, items["x"].source) == (True, RequirementSource.PATH)
    assert found.manifest.indexes == ("https://gems.example.org/",)


def test_java_builds_list_constants_and_say_what_is_not_followed():
    pom = read(
        "<project>\n<!-- <dependency><groupId>no</groupId><artifactId>no</artifactId></dependency>\n-->\n<dependency>\n"
        "<groupId>org.x</groupId> <artifactId>y</artifactId><version>1.0</version><scope>test</scope></dependency>\n"
        "<dependency><groupId>org.x</groupId><artifactId>z</artifactId><version>${v}</version></dependency></project>",
        "pom.xml",
    )
    assert [(i.name, i.version, i.group, i.line) for i in pom.manifest.requirements] == [
        ("org.x:y", "1.0", "test", 4),
        ("org.x:z", "", "", 6),
    ]
    gradle = read(
        "dependencies {\n  implementation 'org.x:y:1.0'\n  testImplementation(\"a:b:$v\")\n  implementation libs.z\n}\n",
        "build.gradle",
    )
    assert [(i.name, i.version, i.group) for i in gradle.manifest.requirements] == [
        ("org.x:y", "1.0", ""),
        ("a:b", "", "test"),
    ]
    for found in (pom, gradle):
        (gap,) = found.gaps
        assert (gap.reason, gap.matters) == (GapReason.UNSUPPORTED, False)
