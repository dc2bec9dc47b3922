"""Which commands there are, in the words of `--help`; the commands themselves are loaded only when they run."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COMMANDS", "STANDARD_INPUT", "Command"]

STANDARD_INPUT = "/dev/stdin"
"""What a lone hyphen stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command as its help shows it; `has_commands` when it has commands of its own."""

    name: str
    summary: str
    examples: str
    has_commands: bool = False

    @property
    def epilogue(self) -> str:
        """What stands below its options."""
        return f"Examples:\n\n```text\n{self.examples}\n```"


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
        name="threats",
        summary="Derive the threat model: parts and flows as found, threats that apply by their paths, what stops each.",
        examples="""\
keelmark threats                                  # the current folder
keelmark threats path/to/project --format json
keelmark threats -f svg=flows.svg -f markdown=threat-model.md -f console
keelmark threats --at 10x --at exposure=public    # what becomes possible
keelmark threats brief ml-engineer                # what people of a role must know
keelmark threats library                          # what the library knows
keelmark threats library --file ATLAS.yaml        # what a newer edition changes here""",
        has_commands=True,
    ),
    Command(
        name="scan",
        summary="Say what loading model files would do, byte by byte; nothing is loaded.",
        examples="""\
keelmark scan model.pt
keelmark scan models/ --verbose
keelmark scan ~/.cache/huggingface -f json=scan.json -f console
keelmark scan --files-from new-models.txt --digest
keelmark scan - < model.onnx""",
    ),
    Command(
        name="clear",
        summary="Vouch for one finding of a scan: signed, for these very bytes, for a time.",
        examples="""\
keelmark clear net.pt acme.models.Net --reason "read its code" --owner "ML platform team" --expires 2027-01-31 --key key.pem --to clearances.json
keelmark scan net.pt --clearances clearances.json --trusted-key key.pub.pem""",
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
        summary="Explain a rule, a technique, an item, a recommendation or a finding. Offline.",
        examples="""\
keelmark explain                                  # the items of the guidelines
keelmark explain command-from-untrusted-text      # a rule
keelmark explain dangerous-callable               # a finding of keelmark scan
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
        name="log",
        summary="Prove that no recorded evidence was changed, removed or reordered.",
        examples="""\
keelmark log verify --key log.pub.pem             # every entry, tile and record
keelmark log verify --against last-week.checkpoint --key log.pub.pem
keelmark log prove --leaf 41 -o proof.json        # for somebody without the log
keelmark log check proof.json --key "$VKEY"
keelmark log witness . --key witness.pem --log-key log.pub.pem -o cosigned.checkpoint
keelmark log show""",
        has_commands=True,
    ),
    Command(
        name="release",
        summary="Decide, and sign a release of every file that was decided about; list, show, revoke and roll back releases.",
        examples="""\
keelmark release --key key.pem --owner "Head of Platform"
keelmark release path/to/project --key key.pem --owner "Head of Platform" --valid-for 30 -o ../release.dsse.json
keelmark release --key key.pem --owner "Head of Platform" --second-owner "Risk owner" --second-key risk.pub
keelmark release --sign .keelmark/releases/ID.pending.dsse.json --key risk.pem
keelmark verify .keelmark/releases/ID.dsse.json . --key key.pem.pub
keelmark release revoke latest --reason "leaked token in a prompt" --owner "Head of Platform" --key key.pem
keelmark release rollback --reason "answers leak account numbers" --owner "Duty officer" --key key.pem
keelmark release list""",
        has_commands=True,
    ),
    Command(
        name="export",
        summary="Export the evaluation dossier of a release, signed, for one kind of reader; or a section for a model card.",
        examples="""\
keelmark export --dossier public --key key.pem
keelmark export path/to/project --dossier customer --key key.pem -o customer.dossier.zip
keelmark export --dossier authority --release 20260131T1200 --key key.pem
keelmark verify customer.dossier.zip --key key.pem.pub --against public.dossier.zip
keelmark export --model-card --trusted-key key.pem.pub -o ../evaluation.md""",
    ),
    Command(
        name="sign",
        summary="Sign a model or dataset in the OpenSSF model-signing format: every file of it.",
        examples="""\
keelmark sign models/bert --key key.pem -o bert.sig
keelmark sign models/bert --key key.pem --certificate signer.pem --certificate issuer.pem -o bert.sig
keelmark sign models/bert --key "pkcs11:token=signing;object=models" -o bert.sig
keelmark sign models/bert --key key.pem --ignore models/bert/.git -o bert.sig""",
    ),
    Command(
        name="verify",
        summary="Verify a model or dataset against its signature, a folder against its release, or a dossier, offline.",
        examples="""\
keelmark verify models/bert --signature bert.sig --key key.pem.pub
keelmark verify models/bert --signature bert.sig --root issuer.pem --identity ml@example.org
keelmark verify models/bert --key key.pem.pub --allow-unsigned README.md --format json
keelmark verify release.dsse.json path/to/project --key key.pem.pub
keelmark verify public.dossier.zip --key key.pem.pub --against customer.dossier.zip""",
    ),
    Command(
        name="key",
        summary="Make keys for signing.",
        examples="""\
keelmark key new -o key.pem                       # and key.pem.pub
keelmark key new -o key.pem --algorithm p384
keelmark key public key.pem""",
        has_commands=True,
    ),
    Command(
        name="access",
        summary="Make, list, replace and revoke the API keys that the gateway believes.",
        examples="""\
keelmark access key add --name "nightly report" --owner ana@example.org --team ml --scope infer:small
keelmark access key add --name agent --owner ana@example.org --scope "infer:*" --scope "callTool:files/*" --valid-for 30
keelmark access key list
keelmark access key revoke 0a1b2c3d4e5f --reason "leaked in a log"
keelmark access key rotate 0a1b2c3d4e5f --overlap-hours 48""",
        has_commands=True,
    ),
    Command(
        name="policy",
        summary="Try the policies of the gateway on cases, and say why one decides as it does.",
        examples="""\
keelmark policy test cases.yaml                   # policies/*.cedar
keelmark policy test cases.yaml --policies ops/policies --format json
keelmark policy explain --principal user:ana --team ml --action infer --resource model:small
keelmark policy explain --principal key:0a1b2c3d4e5f --action callTool --resource tool:files/write --context tainted=true
keelmark policy schema > keelmark.cedarschema     # for editors""",
        has_commands=True,
    ),
    Command(
        name="serve",
        summary="Serve what was released: a gateway that lets through who may, within limits, and records every request.",
        examples="""\
keelmark serve                                    # gateway.yaml in this folder
keelmark serve path/to/gateway.yaml --port 9000
keelmark serve --check                            # what would be served, and whether a release holds""",
    ),
    Command(
        name="incident",
        summary="Refuse every request to the gateway within a second; let them through again; say whether a text was made here.",
        examples="""\
keelmark incident disconnect --reason "leaked key" --owner "Head of Platform"
keelmark incident status
keelmark incident reconnect --reason "key replaced" --owner "Head of Platform"
keelmark incident disconnect --folder /srv/assistant --reason "wrong answers" --owner "On call" --format json
keelmark incident made-here pamphlet.txt          # did this system make this text?""",
        has_commands=True,
    ),
    Command(
        name="schema",
        summary="Print the JSON Schema of keelmark.yaml or of a JSON report.",
        examples="""\
keelmark schema > keelmark.schema.json            # of keelmark.yaml
keelmark schema report                            # of assess --format json
keelmark schema scan                              # of scan --format json
keelmark schema threats                           # of threats --format json
keelmark schema release                           # of the predicate that a release signs
keelmark schema dossier                           # of the facts in a dossier, and of what export and verify say""",
    ),
)
