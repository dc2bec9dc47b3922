"""`keelmark release`: decide, and sign what was decided about."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from keelmark.cli.commands import COMMANDS
from keelmark.cli.output import print_table, print_text, terminal_style
from keelmark.cli.progress import watching
from keelmark.cli.signing import open_signer, public_key
from keelmark.config.settings import resolve
from keelmark.core.declaration import Profile  # noqa: TC001 - read at run time by the command line
from keelmark.deployment.release.validity import DEFAULT_DAYS
from keelmark.errors import UsageError
from keelmark.guidelines import load as load_catalogue
from keelmark.report import console, release_console, release_json
from keelmark.report.formats import FORMATS
from keelmark.report.reasons import EXIT_NOT_ENOUGH_EVIDENCE, exit_code
from keelmark.report.sanitise import terminal
from keelmark.trust.keys import PrivateKey
from keelmark.workflows.countersign import CountersignRequest, countersign
from keelmark.workflows.release import ReleaseRequest
from keelmark.workflows.release import release as release_project
from keelmark.workflows.release_history import Row, history_in, rows_of, state_of
from keelmark.workflows.revoke import RevokeRequest
from keelmark.workflows.revoke import revoke as revoke_release
from keelmark.workflows.rollback import RollbackRequest
from keelmark.workflows.rollback import rollback as roll_back
from keelmark.workflows.rulebook import rulebook

if TYPE_CHECKING:
    from keelmark.deployment.release.verification import SignedRelease
    from keelmark.trust.keys import PublicKey, Signer
    from keelmark.workflows.release import ReleaseRun

__all__ = ["release"]

_COMMAND = next(command for command in COMMANDS if command.name == "release")
_EXIT_CODES = "Exit codes: 0 released or waiting for the second signature, 1 not released: something blocks or a file differs, 2 could not run, 3 not enough evidence."
_LOG_PASSWORD = "KEELMARK_LOG_KEY_PASSWORD"  # noqa: S105 - the name of a variable

release = App(name="release", help=_COMMAND.summary, help_epilogue=f"{_COMMAND.epilogue}\n\n{_EXIT_CODES}")

Format = Annotated[Literal["console", "json"], Parameter(name=("--format", "-f"))]
Output = Annotated[Path | None, Parameter(name=("--output", "-o"))]
Log = Annotated[bool | None, Parameter(name="--log", negative="--no-log")]
Verbose = Annotated[bool, Parameter(name=("--verbose", "-v"), negative=())]


@release.default
def make(  # noqa: PLR0913 - each option of the command is one argument
    path: Path = Path(),
    *,
    key: str,
    owner: str = "",
    valid_for: int = DEFAULT_DAYS,
    second_owner: str | None = None,
    second_key: str | None = None,
    sign: Path | None = None,
    output: Output = None,
    keep: bool = True,
    log: Log = None,
    log_key: str | None = None,
    profile: Profile | None = None,
    advisories: Path | None = None,
    cache: bool | None = None,
    plugins: bool | None = None,
    format: Format = "console",  # noqa: A002
    verbose: Verbose = False,
    quiet: Annotated[bool, Parameter(name=("--quiet", "-q"), negative=())] = False,
) -> int:
    """Assess a project, and when nothing blocks and no evidence is missing, sign a release of every file in it.

    Args:
        path: The folder of the project.
        key: Private key: a PEM file, env:NAME for a variable that holds one, or pkcs11:... for one in a device.
            KEELMARK_KEY_PASSWORD holds the password of a file, KEELMARK_PKCS11_PIN the PIN of a device.
        owner: Who releases: a role or person.
        valid_for: Days that the release holds, at most 366. It ends earlier with the first waiver, attestation, exception, exclusion or
            accepted threat that it rests on.
        second_owner: Who signs as well; a critical system needs two different people.
        second_key: Public key of that person, as a file or env:NAME.
        sign: Release that waits for its second signature: reads every file again, then signs with --key.
        output: File for a copy of the release, outside of the project; it lies in .keelmark/releases anyway.
        keep: --no-keep keeps no copies of the files in .keelmark/kept, so that a roll-back has to find them elsewhere.
        log: Begin a transparency log in .keelmark/log; --no-log records nothing. When not given, it is recorded where there is a log.
        log_key: Private key of the log, where that is another one; KEELMARK_LOG_KEY_PASSWORD holds its password.
        profile: strict treats every warning as blocking. There is nothing weaker than the default.
        advisories: File of known vulnerabilities: OSV JSON, JSON lines, or a zip of them.
        cache: --no-cache reads every file again.
        plugins: --no-plugins leaves out rules of other installed packages.
        format: console or json.
        verbose: When it is not released: every finding, asset, gap and recommendation. With --sign: every difference.
        quiet: No progress.
    """
    if not path.is_dir():
        raise UsageError(f"`{path}` is no folder", hint="name the folder of the project")
    with ExitStack() as stack:
        signer, logs = _signers(stack, key, log_key)
        if sign is not None:
            wanted = CountersignRequest(
                pending=sign, root=path, output=output, log=log, log_key=logs, report=_say
            )
            return _countersigned(wanted, signer, format=format, verbose=verbose)
        settings = resolve(
            {"profile": profile, "advisories": advisories, "cache": cache, "plugins": plugins, "log": log}
        )
        request = ReleaseRequest(
            root=path,
            owner=owner,
            settings=settings,
            days=valid_for,
            second=_second(second_owner, second_key),
            output=output,
            keeps=keep,
            log=settings.log,
            log_key=logs,
            report=_say,
        )
        with watching(quiet=quiet) as progress:
            run = release_project(request, signer=signer, progress=progress)
    if run.signed is None:
        return _kept_back(run, format=format, verbose=verbose, plugins=settings.plugins)
    place = str(run.file)
    if format == "json":
        print_text(
            release_json.made_json(
                run.signed.release, place=place, is_pending=run.is_pending, is_reused=run.is_reused
            )
        )
        return 0
    print_text(
        release_console.made_text(
            run.signed.release,
            place=place,
            is_pending=run.is_pending,
            is_reused=run.is_reused,
            parts=_parts(run.signed),
        )
    )
    return 0


@release.command
def revoke(  # noqa: PLR0913 - as above
    id: str,  # noqa: A002 - the word that people use
    path: Path = Path(),
    *,
    reason: str,
    owner: str,
    key: str,
    log: Log = None,
    log_key: str | None = None,
    format: Format = "console",  # noqa: A002
) -> int:
    """End a release: a signed record with a reason. The release stays as it is, and no longer verifies.

    Args:
        id: Its id, the beginning of it, or latest.
        path: The folder of the project.
        reason: Why.
        owner: Who ends it: a role or person.
        key: Private key: a PEM file, env:NAME, or pkcs11:...; those who verify must know it.
        log: Begin a transparency log; --no-log records nothing.
        log_key: Private key of the log, where that is another one; KEELMARK_LOG_KEY_PASSWORD holds its password.
        format: console or json.
    """
    with ExitStack() as stack:
        signer, logs = _signers(stack, key, log_key)
        request = RevokeRequest(
            root=path, release=id, reason=reason, owner=owner, log=log, log_key=logs, report=_say
        )
        revocation, file = revoke_release(request, signer=signer)
    shown = release_json.revoked_json if format == "json" else release_console.revoked_text
    print_text(shown(revocation, place=str(file)))
    return 0


@release.command
def rollback(  # noqa: PLR0913 - as above
    path: Path = Path(),
    *,
    reason: str,
    owner: str,
    key: str,
    to: str = "",
    trust: Annotated[list[str] | None, Parameter(negative=())] = None,
    second_owner: str | None = None,
    second_key: str | None = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    log: Log = None,
    log_key: str | None = None,
    format: Format = "console",  # noqa: A002
) -> int:
    """Go back to an earlier release: puts its files back, revokes the newest one, and signs a release that states both.

    What was changed or added since is moved to .keelmark/rolled-back. A gateway that serves the folder needs no restart.

    Args:
        path: The folder of the project.
        reason: Why.
        owner: Who goes back: a role or person.
        key: Private key: a PEM file, env:NAME, or pkcs11:...; those who verify must know it.
        to: Id of the release, or the beginning of it. When not given, the newest one before that would hold.
        trust: Public key that signed the earlier release, as a file or env:NAME, where it is not that of --key.
        second_owner: Who signs as well; a critical system needs two different people.
        second_key: Public key of that person, as a file or env:NAME.
        dry_run: Only say what would be done.
        log: Begin a transparency log; --no-log records nothing.
        log_key: Private key of the log, where that is another one; KEELMARK_LOG_KEY_PASSWORD holds its password.
        format: console or json.
    """
    if not path.is_dir():
        raise UsageError(f"`{path}` is no folder", hint="name the folder of the project")
    with ExitStack() as stack:
        signer, logs = _signers(stack, key, log_key)
        request = RollbackRequest(
            root=path,
            owner=owner,
            reason=reason,
            to=to,
            second=_second(second_owner, second_key),
            trusted=[public_key(each) for each in trust or ()],
            is_dry=dry_run,
            log=log,
            log_key=logs,
            report=_say,
        )
        run = roll_back(request, signer=signer)
    restored = run.restored
    away = restored.place if restored is not None else None
    shown = release_json.rolled_back_json if format == "json" else release_console.rolled_back_text
    print_text(
        shown(
            leaves=run.leaves.release,
            back=run.back.release,
            made=run.signed.release if run.signed is not None else None,
            put=[each.path for each in run.plan.put],
            aside=run.plan.aside,
            places=[str(each) for each in (run.file, away) if each is not None],
        )
    )
    if run.is_pending:
        _say(f"a second signature is missing: keelmark release --sign {run.file} --key SECOND-KEY")
    return 0


@release.command(name="list")
def list_releases(path: Path = Path(), *, format: Format = "console") -> int:  # noqa: A002
    """List the releases of a project, the newest first. Signatures are not checked.

    Args:
        path: The folder of the project.
        format: console or json.
    """
    rows = rows_of(history_in(path))
    if format == "json":
        print_text(release_json.listed_json([(row.release, row.state) for row in rows]))
    elif rows:
        print_table(("id", "state", "system", "expires", "signers"), list(map(_cells, rows)))
    else:
        print_text("there is no release here")
    return 0


@release.command
def show(id: str = "latest", path: Path = Path(), *, format: Format = "console") -> int:  # noqa: A002
    """Show what a release states. Signatures are not checked.

    Args:
        id: Its id, the beginning of it, or latest.
        path: The folder of the project.
        format: console or json.
    """
    history = history_in(path)
    signed = history.named(id)
    state = state_of(signed, history)
    if format == "json":
        print_text(release_json.shown_json(signed.release, state=state))
    else:
        print_text(release_console.shown_text(signed.release, state=state, parts=_parts(signed)))
    return 0


def _signers(stack: ExitStack, key: str, log_key: str | None) -> tuple[Signer, PrivateKey | None]:
    signer = stack.enter_context(open_signer(key))
    logs = stack.enter_context(open_signer(log_key, password=_LOG_PASSWORD)) if log_key else None
    if logs is not None and not isinstance(logs, PrivateKey):
        raise UsageError(
            "a log is not signed with a key in a device", hint="name a PEM file behind --log-key"
        )
    return signer, logs


def _second(owner: str | None, key: str | None) -> tuple[str, PublicKey] | None:
    if (owner is None) != (key is None):
        raise UsageError("a second signer has a name and a key", hint="--second-owner NAME --second-key FILE")
    return None if owner is None or key is None else (owner, public_key(key))


def _countersigned(request: CountersignRequest, signer: Signer, *, format: str, verbose: bool) -> int:  # noqa: A002
    done = countersign(request, signer=signer)
    if done.file is None:
        print_text(
            release_json.differences_json(done.differences)
            if format == "json"
            else release_console.differences_text(done.differences, verbose=verbose)
        )
        return 1
    release_, place = done.signed.release, str(done.file)
    if format == "json":
        print_text(release_json.made_json(release_, place=place, is_pending=False, is_reused=False))
    else:
        print_text(
            release_console.made_text(
                release_, place=place, is_pending=False, is_reused=False, parts=_parts(done.signed)
            )
        )
    return 0


def _kept_back(run: ReleaseRun, *, format: str, verbose: bool, plugins: bool) -> int:  # noqa: A002
    """Say why there is no release, exactly as `assess` does."""
    catalogue = load_catalogue()
    cards = {found.card.id: found.card for found in rulebook(catalogue, with_plugins=plugins)}
    if format == "json":
        print_text(FORMATS["json"].render(run.assessment, catalogue=catalogue, cards=cards))
    else:
        width, color = terminal_style()
        print_text(
            console.render(
                run.assessment, catalogue=catalogue, cards=cards, width=width, color=color, verbose=verbose
            )
        )
    code = exit_code(run.assessment)
    if not code:
        # The verdict holds, and nothing says of which bytes: that is not enough to sign.
        _say("not every file could be read whole, so nothing ties the verdict to what would be signed")
        code = EXIT_NOT_ENOUGH_EVIDENCE
    _say("nothing was released")
    return code


def _cells(row: Row) -> tuple[str, ...]:
    release_ = row.release
    return (
        release_.id,
        row.state,
        f"{release_.system} {release_.system_version}".rstrip(),
        f"{release_.expires:%Y-%m-%d}",
        ", ".join(each.name for each in release_.signers),
    )


def _parts(signed: SignedRelease) -> tuple[str, ...]:
    files = signed.release.contents.files
    return tuple(each.name for each in signed.stated.subjects[files:])


def _say(words: str) -> None:
    sys.stderr.write(f"{terminal(words, limit=2_000)}\n")
