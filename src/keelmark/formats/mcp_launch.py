"""Launchers of MCP servers: whether the package or image that a command fetches is fixed to one version."""

from __future__ import annotations

from pathlib import PurePosixPath

import re2

__all__ = ["is_fixed"]

_EXACT = re2.compile(r"^v?\d+\.\d+(\.\d+)?([.+-]?[0-9A-Za-z.+-]+)?$")
_COMMIT = re2.compile(r"[@#][0-9a-f]{40}($|[^0-9a-f])")
_NODE_LAUNCHERS = {"npx", "bunx", "pnpx"}
_NODE_SUBCOMMANDS = {
    ("pnpm", "dlx"),
    ("yarn", "dlx"),
    ("npm", "exec"),
    ("npm", "x"),
    ("bun", "x"),
    ("deno", "run"),
}
_PYTHON_LAUNCHERS = {"uvx", "pipx"}
_WITH_VALUE = {
    "--python",
    "-p",
    "--index",
    "--index-url",
    "--registry",
    "-c",
    "--call",
    "--directory",
    "--cache",
}
_DOCKER_FLAGS = {
    "-e", "--env", "-v", "--volume", "--mount", "-p", "--publish", "--name", "--network", "-w", "--workdir", "-u",
    "--user", "--env-file", "--entrypoint", "--add-host", "-l", "--label", "-m", "--memory", "--platform", "--cpus",
}  # fmt: skip


def is_fixed(words: list[str]) -> bool:
    """Whether a launch command fetches nothing, or only what is fixed to an exact version, commit or digest."""
    words = _unwrapped(words)
    if not words:
        return True
    program = PurePosixPath(words[0].replace("\\", "/")).name.lower()
    for ending in (".cmd", ".exe"):
        program = program.removesuffix(ending)
    rest = words[1:]
    if program in _NODE_LAUNCHERS or (program, "".join(rest[:1])) in _NODE_SUBCOMMANDS:
        return _node(rest if program in _NODE_LAUNCHERS else rest[1:])
    if program in _PYTHON_LAUNCHERS or (program == "uv" and rest[:1] in (["tool"], ["x"])):
        return _python([word for word in rest if word not in {"run", "tool", "x"}])
    if program == "uv":
        extra = [rest[n + 1] for n, word in enumerate(rest[:-1]) if word == "--with"]
        return all(_is_fixed_python(word) for word in extra)
    if program in {"docker", "podman"} and "run" in rest:
        return _container(rest[rest.index("run") + 1 :])
    return True  # A program of this machine or this folder; no package is fetched to start it.


def _unwrapped(words: list[str]) -> list[str]:
    # Windows configurations start `cmd /c npx ...`; others go through `env` or a shell.
    if len(words) > 2 and words[0].lower() in {"cmd", "cmd.exe"} and words[1].lower() == "/c":
        return words[2:]
    if len(words) > 2 and words[0] in {"bash", "sh", "zsh"} and words[1] in {"-c", "-lc"}:
        return words[2].split()
    if words and words[0] in {"env", "/usr/bin/env"}:
        return [word for word in words[1:] if "=" not in word.split("/")[0]]
    return words


def _node(words: list[str]) -> bool:
    named = [words[n + 1] for n, word in enumerate(words[:-1]) if word in {"-p", "--package"}]
    named.extend(word.partition("=")[2] for word in words if word.startswith("--package="))
    package = next((word for word in words if not word.startswith("-")), "") if not named else ""
    wanted = [word for word in (*named, package) if word]
    return bool(wanted) and all(_is_fixed_node(word) for word in wanted)


def _is_fixed_node(package: str) -> bool:
    if package.startswith(("./", "../", "/", "file:")):
        return True
    if "://" in package or package.startswith(("github:", "git+")):
        return bool(_COMMIT.search(package))
    _, at, version = package.removeprefix("npm:")[1:].partition("@")
    return bool(at) and bool(_EXACT.match(version))


def _python(words: list[str]) -> bool:
    named = [words[n + 1] for n, word in enumerate(words[:-1]) if word in {"--from", "--with", "--spec"}]
    has_from = any(word in {"--from", "--spec"} for word in words)
    if not has_from:
        named.append(_first_operand(words, _WITH_VALUE | {"--with"}))
    wanted = [word for word in named if word]
    return bool(wanted) and all(_is_fixed_python(word) for word in wanted)


def _is_fixed_python(package: str) -> bool:
    if package.startswith(("./", "../", "/", ".")):
        return True
    if "://" in package:
        return bool(_COMMIT.search(package)) or "sha256=" in package
    for separator in ("===", "==", "@"):
        _, found, version = package.partition(separator)
        if found:
            return bool(_EXACT.match(version.strip()))
    return False


def _container(words: list[str]) -> bool:
    image = _first_operand(words, _DOCKER_FLAGS)
    if "@sha256:" in image:
        return True
    _, _, tag = image.rpartition("/")[2].partition(":")
    return bool(_EXACT.match(tag))


def _first_operand(words: list[str], with_value: set[str] | frozenset[str]) -> str:
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = word in with_value
        else:
            return word
    return ""
