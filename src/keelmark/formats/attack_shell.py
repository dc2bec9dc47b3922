"""What a command line does that nobody honest writes: runs what it fetched, hands its shell away, sends secrets off.

Told by how programs are joined, not by single words: `curl` alone fetches data, and `sh` alone runs what lies there. What
well-known installers publish for exactly this purpose is left alone.
"""

from __future__ import annotations

import ipaddress
import shlex
from dataclasses import dataclass
from typing import Any

import re2

from keelmark.formats.attack_lasting import LASTING, planned

__all__ = ["Bounds", "attack_in_shell", "is_fetched_from_stranger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one text.

    Attributes:
        max_characters: Longest text that is cut into commands; of a longer one the start is.
        max_depth: Commands inside of the arguments of commands.
    """

    max_characters: int = 64 * 1024
    max_depth: int = 3


# Addresses that publish a script to be piped into a shell: the documented way to install what they are known for.
_INSTALLERS = frozenset({
    "apt.llvm.org", "astral.sh", "bootstrap.pypa.io", "bun.com", "bun.sh", "claude.ai", "cli.github.com", "course.fast.ai",
    "deb.nodesource.com", "deno.land", "developer.download.nvidia.com", "dl.yarnpkg.com", "download.docker.com", "fly.io",
    "foundry.paradigm.xyz", "get-ghcup.haskell.org", "get.docker.com", "get.helm.sh", "get.k3s.io", "get.modular.com",
    "get.nextflow.io", "get.pnpm.io", "get.sdkman.io", "get.volta.sh", "install.determinate.systems", "install.duckdb.org",
    "install.julialang.org", "install.python-poetry.org", "lmstudio.ai", "micro.mamba.pm", "mise.run", "nixos.org",
    "ollama.ai", "ollama.com", "packagecloud.io", "packages.gitlab.com", "packages.microsoft.com", "pixi.sh", "pyenv.run",
    "repo.anaconda.com", "rpm.nodesource.com", "sdk.cloud.google.com", "sh.rustup.rs", "starship.rs", "tailscale.com",
    "yarnpkg.com",
})  # fmt: skip
_INSTALLER_FOLDERS = tuple(
    f"https://raw.githubusercontent.com/{owner}/"
    for owner in ("Homebrew", "conda-forge", "helm", "nvm-sh", "ohmyzsh", "ollama", "pyenv", "rust-lang")
)
_ADDRESS = re2.compile(r"(?i)\b(https?|ftp)://(?:[^/@\s\"']*@)?(\[[0-9a-f:.]+\]|[^/:\s\"'|)`]+)[^\s\"'|)`]*")
_FETCHERS = frozenset(
    {"curl", "wget", "fetch", "aria2c", "lwp-request", "http", "invoke-webrequest", "iwr", "irm"}
)
_DECODERS = frozenset({"base64", "base32", "xxd", "openssl", "uudecode"})
_DECODING = frozenset({"-d", "-D", "--decode", "-di", "-r", "enc", "-rp"})
_SHELLS = frozenset({"sh", "bash", "zsh", "dash", "ksh", "ash", "fish"})
_OTHERS = frozenset({"perl", "ruby", "node", "php", "iex", "invoke-expression"})
_PREFIXES = frozenset({"sudo", "env", "nohup", "time", "exec", "command", "doas", "nice", "setsid", "xargs"})
_WRITERS = frozenset({"echo", "printf"})
_CUTS = frozenset({";", "&&", "||", "&", "\n", "(", ")", ";;"})

_HINTS = re2.compile(
    r"(?i)curl|wget|fetch|aria2c|lwp-request|base(64|32)|xxd|openssl|uudecode|/dev/(tcp|udp)/|\bnc\b|ncat|netcat|socat|mkfifo"
    r"|socket|powershell|pwsh|iex\b|invoke-|mshta|regsvr32|stratum\+|xmrig|\brm\s|mkfs|/dev/(zero|urandom)|:\(\)|oast\.|interact\.sh"
    r"|burpcollaborator|authorized_keys|\bscp\b|rsync|169\.254\.169\.254"
)
_KEPT = (
    r"(?:(?:~|\$\{?HOME\}?|/root|/home/[^/\s]+)/\.(?:ssh/(?:id_(?:rsa|dsa|ecdsa|ed25519)\b|\*|$)|aws/credentials|netrc|kube/config"
    r"|docker/config\.json|git-credentials|gnupg|config/gcloud|(?:cache/)?huggingface/token|kaggle/kaggle\.json|bash_history)"
    r"|/etc/shadow|/etc/passwd)"
)
# Folders in which nothing but such files lies.
_KEPT_FOLDER = r"(?:~|\$\{?HOME\}?|/root|/home/[^/\s]+)/\.(?:ssh|aws|gnupg|kube|docker|azure|config/gcloud|kaggle)/?(?:[\s\"')]|$)"
_CLOUD = r"(?:169\.254\.169\.254|metadata\.google\.internal|169\.254\.170\.2)"
_PUBLIC_KEY = r"(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-\w+|sk-ssh-ed25519\S*)\s+AAAA"
_NETWORK = r"(?:curl|nc|ncat|netcat|wget|socat)"
_SHELL_GIVEN = "hands a shell to another machine"
_SENT = "sends secrets of the machine to an address"
_CREDENTIALS = "takes the credentials that the cloud gives the machine"
_LET_IN = "lets whoever has a key log into the machine"
_WHOLE: tuple[tuple[str, str], ...] = (
    (r"(?:ba|z|k|da)?sh\b\s+-i\b[^\n;|]*[<>]&?\s*/dev/(?:tcp|udp)/", _SHELL_GIVEN),
    (r"exec\s+\d+<>\s*/dev/(?:tcp|udp)/(?s:.*)(?:sh\b[^\n]*<&\d|<&\d+\s*\|\s*while|while\s+read)", _SHELL_GIVEN),
    (r"\b(?:nc|ncat|netcat)(?:\.\w+)?\b[^\n|;]*(?:\s-\w*[ec]|--exec|--sh-exec)\s+\S*(?:sh|cmd|cmd\.exe|powershell\S*)\b",
     _SHELL_GIVEN),
    (r"mkfifo\s(?s:.*)\bsh\b(?s:.*)\|\s*(?:nc|ncat|netcat|telnet|openssl\s+s_client)\b", _SHELL_GIVEN),
    (r"\bsocat\b[^\n]*exec:", _SHELL_GIVEN),
    ((r"\b(?:python[\d.]*|perl|ruby|php|lua)\s+-\w+\s(?s:.*)(?:socket|TCPSocket|fsockopen)(?s:.*)"
     r"(?:dup2|pty\.spawn|/bin/(?:ba)?sh|exec\s*\(|os\.execute)"), _SHELL_GIVEN),
    (r"\b(?:powershell|pwsh)(?:\.exe)?\b[^\n]*\s-e(?:nc|ncodedcommand)?\s+[A-Za-z0-9+/=]{20,}", "runs an encoded command"),
    (r"(?:\biex\b|Invoke-Expression)(?s:.*)(?:DownloadString|DownloadData)", "runs what it fetches"),
    (r"\bmshta(?:\.exe)?\s+[\"']?(?:https?|javascript|vbscript):", "runs what it fetches"),
    (r"\bregsvr32\b[^\n]*/i:https?:", "runs what it fetches"),
    (rf"(?:@|-T\s*|--(?:post|upload)-file[= ]){_KEPT}", _SENT),
    (rf"\b(?:cat|base64|gzip|tar|xxd|zip|cpio)\s[^\n;]*(?:{_KEPT}|{_KEPT_FOLDER})[^\n;]*\|[^\n;]*\b{_NETWORK}\s", _SENT),
    ((rf"\b(?:gzip|tar|zip|7z)\s[^\n;&|]*(?:{_KEPT}|{_KEPT_FOLDER})(?s:.*)\bcurl\b[^\n]*"
     r"(?:(?:-F|-d|--form|--data(?:-binary|-raw)?)[ =]?\S*@|(?:-T|--upload-file)[ =]?\S)"), _SENT),
    (rf"\b(?:scp|rsync)\s[^\n;|]*(?:{_KEPT}|{_KEPT_FOLDER})[^\n;|]*\S+@\S+:", _SENT),
    (rf"{_CLOUD}/latest/(?:meta-data/iam/security-credentials|user-data)|{_CLOUD}[^\n]*\|[^\n;]*\b{_NETWORK}\s", _CREDENTIALS),
    (rf"\b{_NETWORK}\s[^\n;|]*(?:\$\(|`)[^)`\n]*{_CLOUD}", _CREDENTIALS),
    (rf"{_PUBLIC_KEY}[^\n]*(?:>>?|\btee\b)[^\n]*authorized_keys|\b(?:curl|wget)\s[^\n;|]*>>?\s*\S*authorized_keys", _LET_IN),
    (r"\b(?:env|printenv|set)\s*\|[^\n;]*\b(?:curl|nc|ncat|netcat|wget|socat)\s", _SENT),
    (r"\b(?:curl|wget|nslookup|dig)\s[^\n;|]*(?:\$\(|`)\s*(?:whoami|id\b|env\b|printenv|cat\s+(?:/etc/|(?:~|\$HOME|/root)/\.ssh))", _SENT),
    (r"stratum\+(?:tcp|ssl|udp)://|\bxmrig\b", "mines coins for somebody else"),
    (r"\brm\s+(?:-\w+\s+|--\w[\w-]*\s+)*-\w*[rR]\w*\s+(?:-\S+\s+)*(?:/|/\*|~|~/|~/\*|\$HOME/?|/etc|/usr|/home|/root)(?:\s|;|&|$)",
     "deletes the files of the machine"),
    (r"\bmkfs(?:\.\w+)?\s+(?:-\S+\s+)*/dev/|\bdd\s[^\n]*of=/dev/(?:sd|nvme|vd|hd|disk)", "overwrites a disk"),
    (r":\(\)\s*\{\s*:\s*\|\s*:\s*&\s*\}\s*;\s*:", "starts processes without end"),
    (r"\b[\w.-]+\.(?:oast\.(?:pro|live|fun|me|site|online)|burpcollaborator\.net|interact\.sh|oastify\.com)\b",
     "calls an address that records who was broken into"),
)  # fmt: skip
_ATTACKS = tuple((re2.compile(f"(?i){pattern}"), reason) for pattern, reason in _WHOLE)
# A shell that is handed the output of a fetching program as its script.
_SUBSTITUTED = re2.compile(
    r"(?:^|[\s;&|\"'(])(?:(?:(?:ba|z|da|k)?sh|eval|source|\.|python[\d.]*|perl)\s+(?:-\w+\s+)*[\"']?(?:<\(|\$\(|`)\s*(?:curl|wget)\b"
    r"[^)`\n]*)"
)
_FETCHED_AND_RUN = "runs what it fetches from an address that is known for no installer"


def attack_in_shell(text: str, *, bounds: Bounds | None = None) -> str:
    """What a command line would do to the machine that runs it, as a phrase; "" when nothing was seen."""
    limits = bounds or Bounds()
    cut = text[: limits.max_characters].replace("\\\n", " ")
    if _HINTS.search(cut) is None:
        return ""
    for pattern, reason in _ATTACKS:
        if pattern.search(cut) is not None:
            return reason
    for match in _SUBSTITUTED.finditer(cut):
        if is_fetched_from_stranger(match.group()):
            return _FETCHED_AND_RUN
    return _in_commands(cut, limits.max_depth)


def _in_commands(text: str, depth: int) -> str:
    for pipeline in _pipelines(text):
        is_fetched = is_decoded = is_local = False
        for stage in pipeline:
            name, words = _program(stage)
            if name in _FETCHERS:
                is_fetched = is_fetched or is_fetched_from_stranger(" ".join(words))
                is_local = is_local or _names_this_machine(" ".join(words))
            is_decoded = is_decoded or (name in _DECODERS and bool(_DECODING.intersection(words)))
            if (is_fetched or is_decoded) and _runs_its_input(name, words):
                return _FETCHED_AND_RUN if is_fetched else "decodes a hidden script and runs it"
            if is_local and name in _SHELLS and _runs_its_input(name, words):
                return "runs what it fetches from a server of this machine"
            inner = _inner_command(name, words) or _written(name, words)
            if inner and depth and (reason := _in_commands(inner, depth - 1)):
                return reason
    return ""


def _pipelines(text: str) -> list[list[list[str]]]:
    """The commands of a text: pipelines of stages of words. Quotes that never close are taken for letters."""
    lexer = shlex.shlex(text.replace("\n", " ; "), posix=True, punctuation_chars="|;&()")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:
        words = text.replace("|", " | ").replace(";", " ; ").replace("\n", " ; ").replace('"', " ").split()
    found: list[list[list[str]]] = [[[]]]
    for word in words:
        if word in _CUTS:
            found.append([[]])
        elif word in {"|", "|&"}:
            found[-1].append([])
        else:
            found[-1][-1].append(word)
    return found


def _program(words: list[str]) -> tuple[str, list[str]]:
    """The program of one stage, without what only starts it, and its arguments."""
    rest = list(words)
    while rest and (
        rest[0] in _PREFIXES or rest[0].startswith("-") or ("=" in rest[0] and "://" not in rest[0])
    ):
        rest.pop(0)
    name = rest[0].rpartition("/")[2].lower() if rest else ""
    return name, rest[1:]


def _runs_its_input(name: str, words: list[str]) -> bool:
    if name in _SHELLS:
        return "-c" not in words
    scripts = [word for word in words if word != "-" and not word.startswith((">", "<", "2>", "&"))]
    return (name in _OTHERS or name.startswith("python")) and not scripts


def _inner_command(name: str, words: list[str]) -> str:
    if name in _SHELLS and "-c" in words[:-1]:
        return words[words.index("-c") + 1]
    return " ".join(words) if name == "eval" else ""


def _written(name: str, words: list[str]) -> str:
    """What a command writes into a file that runs at the next start, or by the clock."""
    if name not in _WRITERS or not words:
        return ""
    if planned_command := planned(" ".join(words)):
        return planned_command
    text = " ".join(words)
    return text.partition(">")[0] if any(LASTING.search(word) is not None for word in words) else ""


def is_fetched_from_stranger(text: str) -> bool:
    """Whether a command that fetches names another address than that of a well-known installer or of this machine."""
    matches = list(_ADDRESS.finditer(text))
    return not matches or any(not _is_known(match) for match in matches)


def _names_this_machine(text: str) -> bool:
    return any(_is_here(match.group(2).lower()) for match in _ADDRESS.finditer(text))


def _is_known(match: Any) -> bool:
    address, host = match.group(0), match.group(2).lower()
    if _is_here(host):
        return True
    is_published = host.removeprefix("www.") in _INSTALLERS or address.startswith(_INSTALLER_FOLDERS)
    return match.group(1).lower() == "https" and is_published


def _is_here(host: str) -> bool:
    if host in {"localhost", "0.0.0.0"}:  # noqa: S104 - a name to compare with
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
