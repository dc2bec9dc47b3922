"""Files that fix the Python that runs a project."""

import pytest

from keelmark.formats.dependencies.runtime_files import READERS
from keelmark.formats.source import Source

(READER,) = READERS


@pytest.mark.parametrize(
    ("path", "text", "runtime"),
    [
        ("runtime.txt", "python-3.7.9\n", "==3.7.*"),
        (".python-version", "3.12", "==3.12.*"),
        ("app/.python-version", "3.8.10\n", "==3.8.*"),
        (".python-version", "cpython-3.11.4\n", "==3.11.*"),
    ],
)
def test_named_version_is_the_runtime(path, text, runtime):
    source = Source.of_bytes(text.encode(), path=path)
    assert READER.recognises(source)
    (reading,) = READER.read(source)
    assert reading.manifest.runtime == runtime
    assert reading.manifest.requirements == ()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("runtime.txt", "The runtime is 3.7 seconds.\n"),
        (".python-version", "pypy3.9-7.3\n"),
        (".python-version", "my-environment\n"),
        ("notes/version.txt", "python-3.7.9\n"),
        (".python-version", "3.12\n" + " " * 2000),
    ],
)
def test_other_texts_of_that_name_are_left_alone(path, text):
    assert not READER.recognises(Source.of_bytes(text.encode(), path=path))
