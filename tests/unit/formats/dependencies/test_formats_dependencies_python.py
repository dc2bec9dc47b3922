"""pyproject.toml, Pipenv, setup files and Conda."""

from __future__ import annotations

import pytest
from tests.unit.formats.dependencies.dependency_files import COMMIT, by_name, read, readings

from keelmark.core.facts import GapReason, RequirementSource
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.dependencies import READERS
from keelmark.formats.dependencies.toml_lines import lines_of
from keelmark.formats.source import Source

PYPROJECT = f"""
[build-system]
requires = ["hatchling"]

[project]
name = "demo"
version = "1.0"
license = {{ text = "MIT" }}
requires-python = ">=3.11"
dependencies = [
  "torch>=2", # heavy
  "MyLib",
  "broken !!",
  "path-lib",
]

[project.optional-dependencies]
gpu = ["cupy==12.0.0"]

[dependency-groups]
dev = ["pytest", {{ include-group = "lint" }}]
lint = ["ruff"]

[tool.uv]
dev-dependencies = ["mypy"]
constraint-dependencies = ["urllib3<3"]
override-dependencies = ["idna==3.7"]
index-url = "https://u:p@idx.example.org/simple"
allow-insecure-host = ["insecure.example.org"]

[tool.uv.sources]
mylib = {{ git = "https://github.com/o/mylib", rev = "{COMMIT}" }}
path_lib = {{ path = "../path-lib" }}

[[tool.uv.index]]
name = "torch"
url = "https://download.example.org/whl"

[tool.hatch.envs.docs]
dependencies = ["mkdocs"]

[tool.pdm.dev-dependencies]
test = ["-e file:///${{PROJECT_ROOT}}/sub#egg=sub", "tox"]
"""


def test_pyproject_reads_every_table():
    reading = read(PYPROJECT, "pyproject.toml")
    manifest, items = reading.manifest, by_name(reading)
    assert (manifest.name, manifest.version, manifest.licence, manifest.runtime) == (
        "demo",
        "1.0",
        "MIT",
        ">=3.11",
    )
    assert (items["torch"].line, items["torch"].table) == (11, "project.dependencies")
    assert items["mylib"].source is RequirementSource.VCS
    assert items["mylib"].is_immutable
    assert items["path-lib"].source is RequirementSource.PATH
    assert {name: item.group for name, item in items.items()} == {
        "torch": "", "mylib": "", "path-lib": "", "cupy": "gpu", "pytest": "dev", "ruff": "lint", "hatchling": "build-system",
        "mypy": "dev", "urllib3": "constraint", "idna": "override", "mkdocs": "docs", "sub": "test", "tox": "test",
    }  # fmt: skip
    assert manifest.indexes == ("https://idx.example.org/simple", "https://download.example.org/whl")
    assert manifest.default_index == "https://idx.example.org/simple"
    assert manifest.trusts == ("allow-insecure-host insecure.example.org",)
    (gap,) = reading.gaps
    assert (gap.line, gap.reason) == (13, GapReason.MALFORMED)


def test_pyproject_of_poetry():
    reading = read(
        f"""[tool.poetry]
name = "x"
license = "Apache-2.0"
[tool.poetry.dependencies]
python = "^3.11"
torch = "^2.1"
exact = "1.2.3"
any = "*"
lib = {{ git = "https://github.com/o/lib", branch = "main" }}
fixed = {{ git = "https://github.com/o/fixed", rev = "{COMMIT}" }}
loc = {{ path = "../loc", develop = true }}
opt = {{ version = "~1.4", optional = true, extras = ["a"], markers = "sys_platform == 'linux'" }}
multi = [{{ version = "1", python = "<3.12" }}, {{ version = "2", python = ">=3.12" }}]
[tool.poetry.group.dev.dependencies]
black = "^24"
[tool.poetry.dev-dependencies]
flake8 = ">=6"
[[tool.poetry.source]]
name = "corp"
url = "https://corp.example.org/simple"
""",
        "pyproject.toml",
    )
    items = by_name(reading)
    assert reading.manifest.licence == "Apache-2.0"
    assert reading.manifest.runtime == "^3.11"
    assert reading.manifest.indexes == ("https://corp.example.org/simple",)
    assert "python" not in items
    assert (items["torch"].specifier, items["torch"].version, items["torch"].line) == ("^2.1", "", 6)
    assert items["exact"].version == "1.2.3"
    assert items["any"].specifier == ""
    assert (items["lib"].is_immutable, items["fixed"].is_immutable) == (False, True)
    assert items["loc"].source is RequirementSource.PATH
    assert (items["opt"].group, items["opt"].extras) == ("optional", ("a",))
    assert items["multi"].marker
    assert (items["black"].group, items["flake8"].group) == ("dev", "dev")


def test_dynamic_dependencies_are_includes_or_a_gap():
    setuptools = """[project]
name = "x"
dynamic = ["dependencies"]
[tool.setuptools.dynamic]
dependencies = { file = ["requirements.txt"] }
optional-dependencies.dev = { file = ["requirements-dev.txt"] }
"""
    assert read(setuptools, "pyproject.toml").manifest.includes == (
        "requirements.txt",
        "requirements-dev.txt",
    )
    (gap,) = read('[project]\nname = "x"\ndynamic = ["dependencies"]\n', "pyproject.toml").gaps
    assert (gap.reason, gap.matters) == (GapReason.UNSUPPORTED, False)


@pytest.mark.parametrize(
    "name", ["pyproject.toml", "poetry.lock", "uv.lock", "pdm.lock", "pylock.toml", "Pipfile", "Cargo.toml"]
)
def test_broken_toml_is_a_parse_error(name):
    with pytest.raises(ParseError):
        readings("[a\n", name)


def test_deep_toml_is_a_parse_error():
    with pytest.raises(ParseError, match="deeply"):
        readings("a = " + "[" * 20_000, "pyproject.toml")


PIPFILE_LOCK = """{
    "_meta": {"hash": {"sha256": "abc"}, "sources": []},
    "default": {
        "torch": {
            "hashes": ["sha256:aa"], "version": "==2.1.0"
        },
        "lib": {
            "git": "https://github.com/o/lib", "ref": "COMMIT"
        }
    },
    "develop": {}
}"""


def test_pipfile_and_its_lock():
    pipfile = read(
        """[[source]]
url = "http://user:pw@corp.example.org/simple"
verify_ssl = false
[packages]
torch = "==2.1.0"
any = "*"
lib = { git = "https://github.com/o/lib", ref = "main" }
[dev-packages]
pytest = { version = ">=8", extras = ["x"] }
[requires]
python_version = "3.11"
[scripts]
start = "python app.py"
""",
        "Pipfile",
    )
    manifest, items = pipfile.manifest, by_name(pipfile)
    assert (items["torch"].version, items["pytest"].group, items["lib"].is_immutable) == (
        "2.1.0",
        "dev",
        False,
    )
    assert manifest.indexes == ("http://corp.example.org/simple",)
    assert manifest.trusts == ("verify_ssl = false (http://corp.example.org/simple)",)
    assert manifest.scripts == (("start", "python app.py"),)
    assert manifest.runtime == "3.11"
    lock = read(PIPFILE_LOCK.replace("COMMIT", COMMIT), "Pipfile.lock")
    items = by_name(lock)
    assert lock.manifest.digest == "abc"
    assert (items["torch"].version, items["torch"].is_hashed, items["torch"].line) == ("2.1.0", True, 4)
    assert items["lib"].is_immutable


def test_setup_cfg():
    reading = read(
        """[metadata]
name = demo
version = attr: demo.__version__
license = MIT
[options]
python_requires = >=3.9
install_requires =
    torch>=2
    # comment
    numpy; python_version < "3.12"
    !!
[options.extras_require]
dev = pytest
docs =
    sphinx
[tool:pytest]
addopts = -q
""",
        "setup.cfg",
    )
    items = by_name(reading)
    assert (reading.manifest.name, reading.manifest.version, reading.manifest.licence) == ("demo", "", "MIT")
    assert reading.manifest.runtime == ">=3.9"
    assert items["torch"].line == 8
    assert items["numpy"].marker
    assert (items["pytest"].group, items["sphinx"].group) == ("dev", "docs")
    assert [gap.line for gap in reading.gaps] == [11]


def test_setup_cfg_of_tools_only_is_not_recognised():
    source = Source.of_bytes(b"[flake8]\nmax-line-length = 88\n", path="setup.cfg")
    assert not any(reader.recognises(source) for reader in READERS)


def test_setup_cfg_that_includes_files():
    text = "[options]\ninstall_requires = file: requirements.txt, more.txt\n"
    assert read(text, "setup.cfg").manifest.includes == ("requirements.txt", "more.txt")


def test_setup_py_reads_constants_only():
    reading = read(
        """from setuptools import setup
NAME = "demo"
base = ["torch>=2"]
setup(
    name=NAME,
    license="MIT",
    python_requires=">=3.9",
    install_requires=base + ["numpy"],
    tests_require="pytest\\ntox",
    extras_require={"dev": ["ruff"], ":python_version<'3.8'": ["backport"], "all": open("x").read()},
)
""",
        "setup.py",
    )
    items = by_name(reading)
    assert (reading.manifest.name, reading.manifest.runtime) == ("demo", ">=3.9")
    assert (items["torch"].line, items["numpy"].line) == (3, 8)
    assert (items["pytest"].group, items["ruff"].group, items["backport"].group) == ("test", "dev", "")
    (gap,) = reading.gaps
    assert (gap.reason, gap.matters) == (GapReason.UNSUPPORTED, False)


def test_setup_py_with_changed_names_is_a_gap():
    text = "reqs = ['a']\nreqs += ['b']\nsetup(install_requires=reqs, extras_require=make())\n"
    reading = read(text, "setup.py")
    assert len(reading.gaps) == 2
    assert reading.manifest.requirements == ()


@pytest.mark.parametrize("text", ["setup(", "setup(" + "(" * 5000, "setup()\nx = 1 1"])
def test_setup_py_that_is_no_python_is_a_parse_error(text):
    with pytest.raises(ParseError):
        readings(text, "setup.py")


@pytest.mark.parametrize("text", ["setup(" + "-" * 100_000 + "1)", "setup()\n" + "a;" * 80_000])
def test_setup_py_too_deep_or_too_long_to_hold_is_a_limit(text):
    with pytest.raises(LimitExceededError):
        readings(text, "setup.py")


def test_odd_escapes_in_setup_py_warn_nobody():
    assert read('setup(name="\\d")\n', "setup.py").manifest.name == "\\d"


def test_conda_environment_and_its_pip_section():
    conda, pip = readings(
        """name: demo
channels: [conda-forge, https://user:pw@corp.example.org/conda]
dependencies:
  - python=3.10
  - conda-forge::numpy==1.26.0
  - pytorch=2.1.0=py3.10_cuda
  - scipy >=1.10
  - 42 !!
  - pip:
      - -r requirements.txt
      - openai==1.2.3
      - "!!"
""",
        "environment.yml",
    )
    items = by_name(conda)
    assert (conda.manifest.ecosystem, conda.manifest.name, conda.manifest.runtime) == (
        "conda",
        "demo",
        "=3.10",
    )
    assert conda.manifest.indexes == ("https://corp.example.org/conda",)
    assert (items["python"].version, items["numpy"].version, items["pytorch"].version) == (
        "",
        "1.26.0",
        "2.1.0",
    )
    assert (items["scipy"].specifier, items["scipy"].line) == (">=1.10", 7)
    assert pip.manifest.ecosystem == "pypi"
    assert (pip.manifest.requirements[0].version, pip.manifest.requirements[0].line) == ("1.2.3", 11)
    assert [gap.line for gap in conda.gaps] == [12]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("environment.yml", "name: prod\nvariables: {}\n"),
        ("docker.yml", "dependencies:\n  - python\n"),
        ("environment.yaml", "dependencies:\n  postgres: 1\n"),
    ],
)
def test_other_yaml_is_no_conda_environment(path, text):
    source = Source.of_bytes(text.encode(), path=path)
    assert not any(reader.recognises(source) for reader in READERS)


def test_conda_locks():
    conda, pip = readings(
        f"""version: 1
package:
- name: numpy
  version: 1.26.0
  manager: conda
  platform: linux-64
  hash: {{md5: x, sha256: {"a" * 64}}}
  category: main
- name: numpy
  version: 1.26.0
  manager: conda
  platform: osx-64
- name: Open_AI
  version: 1.0
  manager: pip
  category: dev
""",
        "conda-lock.yml",
    )
    assert [(item.name, item.is_hashed) for item in conda.manifest.requirements] == [("numpy", True)]
    assert [(item.name, item.group) for item in pip.manifest.requirements] == [("open-ai", "dev")]
    explicit = read(
        "# x\n@EXPLICIT\nhttps://conda.anaconda.org/conda-forge/linux-64/numpy-1.26.0-py311_0.conda#"
        + "a" * 32
        + "\nnonsense\n",
        "conda-linux-64.lock",
    )
    (item,) = explicit.manifest.requirements
    assert (item.name, item.version, item.is_hashed) == ("numpy", "1.26.0", False)
    assert [gap.line for gap in explicit.gaps] == [4]


def test_conda_that_is_no_mapping_is_a_parse_error():
    with pytest.raises(ParseError):
        readings("- a\n", "conda-lock.yml")


def test_endless_dotted_keys_are_a_limit():
    for text in (
        "a." * 100_000 + "b = 1\n",
        "[" + "a." * 100_000 + "b]\n",
        "x = { " + "a . " * 100 + "b = 1 }\n",
    ):
        with pytest.raises(LimitExceededError):
            readings(text, "pyproject.toml")


def test_long_toml_is_a_limit():
    with pytest.raises(LimitExceededError):
        readings("#" * (13 * 1024**2), "poetry.lock")


def test_places_beyond_the_bound_are_those_of_the_enclosing_key():
    lines = lines_of("deps = [\n" + "'a',\n" * 80_000 + "]\nlast = 1\n")
    assert lines.of("deps", 5) == 7
    assert lines.of("deps", 79_999) == 1
    assert lines.of("last") == 0
