"""Addresses of packages: what kind of source they name, whether they are fixed, and how they read without secrets."""

from __future__ import annotations

from dataclasses import dataclass

import re2

from keelmark.core.facts import RequirementSource

__all__ = ["Address", "address", "cleaned", "cleaned_text", "is_commit", "is_default_index"]

_AUTHORITY = re2.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)((?s:.*))$")
_USER = re2.compile(r"(://)[^/?#\s@]*@")
_VCS = re2.compile(r"^(git|hg|svn|bzr)(\+|://)")
_SCHEME = re2.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:")
_COMMIT = re2.compile(r"^([0-9a-f]{40}|[0-9a-f]{64})$")
# MD5 and SHA-1 fragments are left out on purpose: they can be forged.
_FRAGMENT_DIGEST = re2.compile(
    r"(^|[#&])(sha256[=:][0-9a-fA-F]{64}|sha384[=:][0-9a-fA-F]{96}|sha512[=:][0-9a-fA-F]{128})(&|$)"
)
_SECRET_QUERY = re2.compile(
    r"(?i)([?&#](?:[a-z0-9_.-]*(?:token|secret|password|passwd|signature|credential|apikey|api_key)|key|sig|auth)=)[^&#]*"
)
_DEFAULT_INDEXES = frozenset(
    {
        "https://pypi.org/simple",
        "https://pypi.python.org/simple",
        "https://registry.npmjs.org",
        "https://registry.yarnpkg.com",
        "registry+https://github.com/rust-lang/crates.io-index",
        "sparse+https://index.crates.io",
        "https://rubygems.org",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a package lies when it does not come from an index.

    Attributes:
        reference: The address without credentials.
        is_hashed: Whether the address itself records a strong digest.
        is_immutable: Whether the same address always gives the same bytes: a full commit or a digest.
    """

    source: RequirementSource
    reference: str
    is_hashed: bool = False
    is_immutable: bool = False


def cleaned(url: str) -> str:
    """The address without user, password and secret query values; `git@` alone is a convention and stays."""
    match = _AUTHORITY.match(url)
    if match:
        user, at, host = match.group(2).rpartition("@")
        kept = "git@" if at and user == "git" else ""
        url = f"{match.group(1)}{kept}{host}{match.group(3)}"
    return str(_SECRET_QUERY.sub(r"\1***", url))


def cleaned_text(text: str) -> str:
    """Any text without the credentials of the addresses in it, for messages."""
    return str(_SECRET_QUERY.sub(r"\1***", _USER.sub(r"\1", text)))


def is_default_index(url: str) -> bool:
    """Whether the address is the public default index of its ecosystem."""
    return url.rstrip("/") in _DEFAULT_INDEXES


def is_commit(text: str) -> bool:
    """Whether the text is a full commit id (SHA-1 or SHA-256 of git), which no branch or tag can move."""
    return bool(_COMMIT.match(text))


def address(url: str, *, revision: str = "") -> Address:
    """Classify an address as it stands behind `name @`, in a lock, or alone on a line.

    Args:
        url: The address, credentials allowed.
        revision: Commit, tag or branch when the file states it apart from the address.
    """
    url = url.strip()
    is_hashed = bool(_FRAGMENT_DIGEST.search(url.partition("#")[2]))
    if _VCS.match(url) or revision or _is_scp(url):
        fixed = is_commit(revision or _revision(url))
        reference = cleaned(url)
        if revision and revision not in url:
            reference = f"{reference}@{revision}"
        return Address(source=RequirementSource.VCS, reference=reference, is_immutable=fixed)
    if not _SCHEME.match(url) or url.lower().startswith("file:"):
        return Address(
            source=RequirementSource.PATH, reference=cleaned(url), is_hashed=is_hashed, is_immutable=is_hashed
        )
    return Address(
        source=RequirementSource.URL, reference=cleaned(url), is_hashed=is_hashed, is_immutable=is_hashed
    )


def _is_scp(url: str) -> bool:
    return url.startswith("git@") and ":" in url


def _revision(url: str) -> str:
    # uv writes the commit as the fragment, npm as well; pip writes it behind `@` in the path.
    base, _, fragment = url.partition("#")
    if is_commit(fragment):
        return fragment
    path = base.partition("://")[2].partition("/")[2]
    return path.rpartition("@")[2] if "@" in path else ""
