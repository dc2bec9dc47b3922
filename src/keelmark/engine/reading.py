"""Asks one reader about one file; whatever goes wrong becomes a gap with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import Gap, GapReason
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.archives.container import EncryptedError

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
    from keelmark.formats.source import Reader, Source

__all__ = ["read_with"]


def read_with(reader: Reader, source: Source, gaps: list[Gap]) -> tuple[Reading, ...]:
    """The readings of one reader, none when it does not recognise the file; failures are added to `gaps`.

    Raises:
        OSError: The file went away or cannot be read.
    """
    try:
        return reader.read(source) if reader.recognises(source) else ()
    except LimitExceededError as error:
        gaps.append(Gap(path=source.path, reason=GapReason.TOO_LARGE, detail=error.message))
    except EncryptedError as error:
        gaps.append(Gap(path=source.path, reason=GapReason.ENCRYPTED, detail=error.message))
    except ParseError as error:
        detail = f"{reader.name}: {error.message}"
        gaps.append(Gap(path=source.path, reason=GapReason.MALFORMED, detail=detail, line=error.line or 0))
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - an edge: whatever a reader does, the answer becomes unknown
        detail = f"{reader.name}: {type(error).__name__}"
        gaps.append(Gap(path=source.path, reason=GapReason.CRASHED, detail=detail))
    return ()
