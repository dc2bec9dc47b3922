"""A lock against its manifest: what contradicts, and above all what does not."""

import json

import pytest

from keelmark.formats.dependencies import READERS
from keelmark.formats.dependencies.compare import ContradictionKind, lock_contradictions
from keelmark.formats.dependencies.specifiers import python_satisfies
from keelmark.formats.source import Source


def manifest(text, path):
    source = Source.of_bytes(text.encode(), path=path)
    (reader,) = [reader for reader in READERS if reader.recognises(source)]
    return reader.read(source)[0].manifest


def uv_lock(*packages, name="demo"):
    text = f'version = 1\n[[package]]\nname = "{name}"\nversion = "0.1"\nsource = {{ virtual = "." }}\n'
    for package, version in packages:
        text += f'[[package]]\nname = "{package}"\nversion = "{version}"\nsource = {{ registry = "https://pypi.org/simple" }}\n'
    return manifest(text, "uv.lock")


def poetry_lock(*packages):
    text = "".join(f'[[package]]\nname = "{name}"\nversion = "{version}"\n' for name, version in packages)
    return manifest(text, "poetry.lock")


def project(*dependencies, more="", name="demo"):
    return manifest(
        f'[project]\nname = "{name}"\ndependencies = {json.dumps(list(dependencies))}\n{more}',
        "pyproject.toml",
    )


def poetry(body):
    return manifest(
        f'[tool.poetry]\nname = "demo"\n[tool.poetry.dependencies]\npython = "^3.11"\n{body}',
        "pyproject.toml",
    )


def kinds(found):
    return [(item.requirement.name, item.kind.value) for item in found]


def test_lock_that_fits_is_silent():
    assert (
        lock_contradictions(project("torch>=2", "NumPy"), uv_lock(("torch", "2.1.0+cu118"), ("numpy", "1")))
        == ()
    )


def test_missing_requirement_is_named():
    (found,) = lock_contradictions(project("torch>=2", "openai"), uv_lock(("torch", "2.1")))
    assert (found.kind, found.requirement.name) == (ContradictionKind.MISSING, "openai")
    assert str(found) == "`openai` is asked for but not locked"


def test_version_outside_the_range_is_named():
    (found,) = lock_contradictions(project("torch>=2"), uv_lock(("torch", "1.13")))
    assert (found.kind, found.locked) == (ContradictionKind.UNSATISFIED, ("1.13",))
    assert str(found) == "`torch` asks for `>=2`, locked is 1.13"


def test_one_of_several_locked_versions_is_enough():
    assert lock_contradictions(project("torch>=2"), uv_lock(("torch", "1.13"), ("torch", "2.0"))) == ()


def test_prerelease_that_was_locked_on_purpose_is_silent():
    assert lock_contradictions(project("torch>=2"), uv_lock(("torch", "2.1.0rc1"))) == ()


@pytest.mark.parametrize(
    "dependency",
    [
        "torch>=2; sys_platform == 'win32'",
        "torch @ git+https://github.com/o/torch@main",
        "demo[extra]",
        "pip",
        "setuptools>=99",
    ],
)
def test_requirements_that_may_be_absent_are_silent(dependency):
    assert lock_contradictions(project(dependency), uv_lock(("a", "1"))) == ()


def test_extras_and_groups_count_for_uv():
    more = '[project.optional-dependencies]\ngpu = ["cupy"]\n[dependency-groups]\ndev = ["pytest"]\n[build-system]\nrequires = ["hatchling"]\n'
    found = lock_contradictions(project(more=more), uv_lock(("a", "1")))
    assert kinds(found) == [("cupy", "missing"), ("pytest", "missing")]


def test_overrides_constraints_and_other_tools_tables_are_silent():
    more = (
        '[tool.uv]\noverride-dependencies = ["torch==1"]\nconstraint-dependencies = ["x>9"]\n'
        '[tool.poetry.dependencies]\nzzz = "^1"\n'
    )
    assert lock_contradictions(project("torch>=2", more=more), uv_lock(("torch", "1"))) == ()


def test_same_name_asked_twice_is_silent():
    more = '[project.optional-dependencies]\nold = ["torch<2"]\n'
    assert lock_contradictions(project("torch>=2", more=more), uv_lock(("torch", "1.0"))) == ()


def test_lock_of_another_project_is_silent():
    assert lock_contradictions(project("torch", name="other"), uv_lock(("a", "1"))) == ()
    nameless = manifest('[dependency-groups]\ndev = ["torch"]\n', "pyproject.toml")
    assert lock_contradictions(nameless, uv_lock(("a", "1"))) == ()


def test_other_ecosystems_formats_and_empty_locks_are_silent():
    assert lock_contradictions(project("torch"), manifest("version = 1\n", "uv.lock")) == ()
    assert lock_contradictions(project("torch"), project("numpy")) == ()
    assert lock_contradictions(manifest('[packages]\ntorch = "*"\n', "Pipfile"), uv_lock(("a", "1"))) == ()
    assert (
        lock_contradictions(manifest('{"dependencies": {"a": "1"}}', "package.json"), uv_lock(("a", "1")))
        == ()
    )


def test_poetry_ranges():
    body = 'caret = "^1.2"\ntilde = "~1.2"\nbare = "1.2.3"\nopt = { version = "1", optional = true }\n[tool.poetry.group.dev.dependencies]\nblack = "^24"\n'
    good = poetry_lock(("caret", "1.9"), ("tilde", "1.2.9"), ("bare", "1.2.3"), ("black", "24.3.0"))
    assert lock_contradictions(poetry(body), good) == ()
    bad = poetry_lock(("caret", "2.0"), ("tilde", "1.3"), ("bare", "1.2.4"))
    assert kinds(lock_contradictions(poetry(body), bad)) == [
        ("caret", "unsatisfied"),
        ("tilde", "unsatisfied"),
        ("bare", "unsatisfied"),
        ("black", "missing"),
    ]


def test_project_table_beside_poetry_dependencies_is_silent():
    text = '[project]\nname = "x"\ndependencies = ["a"]\n[tool.poetry.dependencies]\nb = "*"\n'
    assert lock_contradictions(manifest(text, "pyproject.toml"), poetry_lock(("b", "1"))) == ()
    assert kinds(lock_contradictions(project("a"), poetry_lock(("b", "1")))) == [("a", "missing")]


def test_compiled_requirements():
    header = "# This file is autogenerated by pip-compile\n"
    source = manifest("torch>=2\nnumpy\n", "requirements.in")
    good = manifest(header + "torch==2.1\nnumpy==1.0\n", "requirements.txt")
    bad = manifest(header + "torch==1.1\n", "requirements.txt")
    split = manifest(header + "-r base.txt\ntorch==2.1\n", "requirements.txt")
    assert lock_contradictions(source, good) == ()
    assert kinds(lock_contradictions(source, bad)) == [("torch", "unsatisfied"), ("numpy", "missing")]
    assert lock_contradictions(source, split) == ()


def test_pipenv():
    pipfile = manifest(
        '[packages]\ntorch = ">=2"\n[dev-packages]\npytest = "*"\n[docs]\nsphinx = "*"\n', "Pipfile"
    )
    lock = manifest(
        '{"_meta": {}, "default": {"torch": {"version": "==1.0"}}, "develop": {}}', "Pipfile.lock"
    )
    assert kinds(lock_contradictions(pipfile, lock)) == [("torch", "unsatisfied"), ("pytest", "missing")]


def package(**tables):
    return manifest(json.dumps({"name": "app", **tables}), "package.json")


def package_lock(**packages):
    entries = {
        f"node_modules/{path.replace('__', '/node_modules/')}": {"version": version}
        for path, version in packages.items()
    }
    return manifest(json.dumps({"name": "app", "packages": {"": {}, **entries}}), "package-lock.json")


def test_npm():
    wants = package(
        dependencies={
            "a": "^1.0.0",
            "b": "~2.1",
            "c": "next",
            "d": "npm:x@1",
            "e": "workspace:*",
            "f": "o/f#main",
            "g": "*",
        },
        devDependencies={"h": "1.x || 2.x"},
        optionalDependencies={"i": "1"},
        peerDependencies={"j": "1"},
    )
    good = package_lock(a="1.4.0", a__b="9.0.0", b="2.1.9", c="0.0.1", d="7.0.0", g="1.0.0", h="2.5.0")
    assert lock_contradictions(wants, good) == ()
    bad = package_lock(a="2.0.0", x__a="1.0.0", b="2.2.0", c="1.0.0")
    assert kinds(lock_contradictions(wants, bad)) == [
        ("a", "unsatisfied"),
        ("b", "unsatisfied"),
        ("g", "missing"),
        ("h", "missing"),
    ]
    assert (
        lock_contradictions(package(dependencies={"a": "1"}, overrides={"a": "2"}), package_lock(a="2.0.0"))
        == ()
    )


def test_npm_lock_of_another_project_is_silent():
    other = manifest(json.dumps({"name": "other", "dependencies": {"a": "1"}}), "package.json")
    assert lock_contradictions(other, package_lock(b="1.0.0")) == ()


def test_pnpm_overrides_are_silent():
    lock = manifest("overrides:\n  a: 2.0.0\npackages:\n  a@2.0.0: {}\n  b@1.0.0: {}\n", "pnpm-lock.yaml")
    assert lock_contradictions(package(dependencies={"a": "^1.0.0", "b": "^1.0.0"}), lock) == ()
    assert kinds(lock_contradictions(package(dependencies={"b": "^2.0.0"}), lock)) == [("b", "unsatisfied")]


@pytest.mark.parametrize(
    ("version", "specifier", "answer"),
    [
        ("1.2.3", "^1.2", True),
        ("2.0.0", "^1.2", False),
        ("2.0.0rc1", "^1.2", False),
        ("0.2.9", "^0.2.3", True),
        ("0.3.0", "^0.2.3", False),
        ("0.0.4", "^0.0.3", False),
        ("0.0.9", "^0.0", True),
        ("0.9", "^0", True),
        ("1.9", "~1", True),
        ("1.3", "~1.2.3", False),
        ("1.2.5", "~=1.2.3", True),
        ("1.2.9", "1.2.*", True),
        ("1.2.9", "=1.2.9", True),
        ("1.5", ">=1.0 <2.0", True),
        ("2.5", ">=1.0 <2.0", False),
        ("3.0", "^1.0 || ^3.0", True),
        ("2.0", "^1.0 || ^3.0", False),
        ("2.0", "*", True),
        ("2.0", "", True),
        ("2.0", "^x", None),
        ("2.0", "<1 || ^x", None),
        ("2.0", "what", None),
        ("2.0", "x" * 2000, None),
        ("not a version", ">=1", None),
        ("2.0", "~x", None),
    ],
)
def test_python_ranges(version, specifier, answer):
    assert python_satisfies(version, specifier) is answer
