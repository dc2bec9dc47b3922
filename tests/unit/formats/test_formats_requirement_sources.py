"""Addresses of packages: those of strangers are named, those that everybody uses are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.formats.requirement_sources import is_requirements, strange_sources

STRANGE = [
    "--index-url http://packages.example.io/simple",
    "--extra-index-url=https://packages.example.io/simple",
    "-i https://packages.example.io/simple",
    "-f https://files.example.io/wheels",
    "helper @ https://files.example.io/helper-1.0-py3-none-any.whl",
    "git+https://code.example.io/a/b.git@main",
    "https://files.example.io/helper.tar.gz",
    "- --index-url http://packages.example.io/simple",
    "--index-url https://user:word@pypi.org.example.io/simple",
    "--index-url http://203.0.113.9/simple",
]
KNOWN = [
    "torch==2.1.0",
    "--extra-index-url https://download.pytorch.org/whl/cu118",
    "git+https://github.com/huggingface/transformers@main",
    "-f https://data.pyg.org/whl/torch-2.1.0+cpu.html",
    "--find-links https://storage.googleapis.com/jax-releases/jax_cuda_releases.html",
    "flash-attn @ https://github.com/Dao-AILab/flash-attention/releases/download/v2.5/f.whl",
    "--index-url https://pypi.tuna.tsinghua.edu.cn/simple",
    "--index-url https://packages.corp/simple",
    "--index-url ${INDEX}",
    "--index-url https://$HOST/simple",
    "# see https://docs.example.io/install",
    "torch  # from https://docs.example.io",
    "--index-url http://10.0.0.5:8080/simple",
]


@pytest.mark.parametrize("line", STRANGE)
def test_addresses_of_strangers_are_named(line: str) -> None:
    assert len(list(strange_sources(f"torch\n{line}\nnumpy\n"))) == 1


@pytest.mark.parametrize("line", KNOWN)
def test_addresses_that_everybody_uses_are_not(line: str) -> None:
    assert list(strange_sources(f"{line}\n")) == []


def test_lists_of_requirements_are_told_by_their_names() -> None:
    names = (
        "requirements.txt",
        "requirements-gpu.txt",
        "dev_requirements.txt",
        "conda.yaml",
        "environment.yml",
    )
    assert all(map(is_requirements, names))
    assert not any(map(is_requirements, ("config.yaml", "README.txt", "requirements.md")))


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    assert all(address in text for _, address in strange_sources(text))
