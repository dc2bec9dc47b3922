from __future__ import annotations

import pytest

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.mcp_config import READER
from keelmark.formats.mcp_launch import is_fixed
from keelmark.formats.source import Source

CONFIG = """{
  // comments are allowed here
  "mcpServers": {
    "files": {
      "command": "npx",
      "args": ["-y", "@modelcontextprotocol/server-filesystem", "/home"],
      "env": {"GITHUB_TOKEN": "ghp_abcdefghijklmnop1234", "OTHER_TOKEN": "${TOKEN}", "MODE": "fast"},
      "autoApprove": ["read_file"],
    },
    "remote": {
      "type": "http",
      "url": "https://user:secret@mcp.example.com/mcp?api_key=abcdef",
      "headers": {"Authorization": "Bearer abcdefgh12345678", "X-Api-Key": "<your key>"}
    },
    "old": {"url": "https://x.example.org/sse", "alwaysAllow": []},
    "flag": {"command": "tool", "args": ["--api-key", "k3y-abcdefgh", "--mode", "x"]}
  }
}
"""


def read(text: str, path: str = ".cursor/mcp.json"):
    source = Source.of_bytes(text.encode(), path=path)
    return READER.read(source) if READER.recognises(source) else None


def test_servers_are_read_with_their_lines():
    (reading,) = read(CONFIG)
    files, remote, old, flag = reading.mcp_servers
    assert (files.name, files.line, files.transport) == ("files", 4, "stdio")
    assert files.command == "npx -y @modelcontextprotocol/server-filesystem /home"
    assert not files.is_pinned
    assert files.environment == ("GITHUB_TOKEN", "OTHER_TOKEN", "MODE")
    assert files.literals == ("GITHUB_TOKEN",)
    assert files.auto_approved == ("read_file",)
    assert (remote.transport, remote.literals) == ("http", ("Authorization",))
    assert old.transport == "sse"
    assert (flag.command, flag.literals) == ("tool --api-key *** --mode x", ("--api-key",))


def test_no_credential_is_kept():
    shown = repr(read(CONFIG))
    for secret in (
        "ghp_abcdefghijklmnop1234",
        "user:secret",
        "api_key=abcdef",
        "abcdefgh12345678",
        "k3y-abcdefgh",
    ):
        assert secret not in shown


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["npx", "-y", "pkg@1.2.3"], True),
        (["npx", "-y", "@scope/pkg@1.2.3"], True),
        (["npx", "@scope/pkg"], False),
        (["npx", "pkg@latest"], False),
        (["cmd", "/c", "npx", "pkg@1.0.0"], True),
        (["bunx", "pkg"], False),
        (["uvx", "pkg==1.2"], True),
        (["uvx", "pkg"], False),
        (["uvx", "--from", "git+https://x.example/r@" + "a" * 40, "cmd"], True),
        (["uvx", "--from", "git+https://x.example/r", "cmd"], False),
        (["uv", "run", "server.py"], True),
        (["uv", "run", "--with", "mcp[cli]", "mcp", "run", "s.py"], False),
        (["docker", "run", "-i", "--rm", "-e", "A", "img@sha256:" + "a" * 64], True),
        (["docker", "run", "-i", "mcp/x"], False),
        (["docker", "run", "mcp/x:latest"], False),
        (["docker", "run", "mcp/x:1.2.3"], True),
        (["python", "server.py"], True),
        (["/usr/local/bin/tool"], True),
    ],
)
def test_launchers_are_fixed_or_not(words, wanted):
    assert is_fixed(words) is wanted


def test_vscode_form_is_read():
    (reading,) = read('{"servers": {"a": {"command": "node", "args": ["x.js"]}}}', ".vscode/mcp.json")
    assert reading.mcp_servers[0].is_pinned


def test_other_json_is_left_alone():
    assert read('{"servers": {"a": 1}}', "app.json") is None
    assert read('{"servers": [{"url": "x"}]}', "mcp.json") == ()
    assert read('{"mcpServers": {}}', "x.json") == ()


def test_broken_file_is_no_silence():
    with pytest.raises(ParseError):
        read('{"mcpServers": {', "mcp.json")
    with pytest.raises(LimitExceededError):
        read("[" * 100_000, "mcp.json")
