"""Which commands there are, in the words of `--help`; the commands themselves are loaded only when they run."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COMMANDS", "Command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command as its help shows it."""

    name: str
    summary: str
    examples: str


COMMANDS = (
    Command(
        name="assess",
        summary="Assess a project and say: release, do not release, or not enough evidence.",
        examples="""\
keelmark assess                                   # the current folder
keelmark assess path/to/project --verbose
keelmark assess -f json=report.json -f html=report.html -f console
keelmark assess --advisories osv-pypi.zip         # known vulnerable versions
keelmark assess app.py prompts.py                 # only these files (pre-commit)
keelmark assess --baseline known.json --new-only  # exit 1 only for what is new""",
    ),
    Command(
        name="init",
        summary="Write keelmark.yaml from what was found in the folder. Never overwrites.",
        examples="""\
keelmark init
keelmark init path/to/project --print             # look before you write""",
    ),
    Command(
        name="explain",
        summary="Explain a rule, an item, a recommendation or a finding. Offline.",
        examples="""\
keelmark explain                                  # the items of the guidelines
keelmark explain command-from-untrusted-text      # a rule
keelmark explain DEV-1                            # an item
keelmark explain SD-3.g                           # a recommendation
keelmark explain 3f9a1c0d                         # a finding of the latest run""",
    ),
    Command(
        name="rules",
        summary="List the rules.",
        examples="""\
keelmark rules
keelmark rules pickle
keelmark rules --item SD-3 --severity high
keelmark rules --format json""",
    ),
    Command(
        name="diff",
        summary="Say what changed between two kept runs.",
        examples="""\
keelmark diff                                     # which runs are kept
keelmark diff 20260131T1200                       # from that run to the latest
keelmark diff RUN RUN --format json""",
    ),
    Command(
        name="schema",
        summary="Print the JSON Schema of keelmark.yaml or of the JSON report.",
        examples="""\
keelmark schema > keelmark.schema.json            # of keelmark.yaml
keelmark schema report                            # of --format json""",
    ),
)
