"""`keelmark schema`: the JSON Schemas, for editors and for readers of reports."""

from __future__ import annotations

import json
from typing import Literal

from keelmark.cli.output import print_text
from keelmark.config.declaration import json_schema
from keelmark.report.dossier_json import schema as dossier_schema
from keelmark.report.json_report import schema as report_schema
from keelmark.report.release_json import schema as release_schema
from keelmark.report.scan_json import schema as scan_schema
from keelmark.report.threats_json import schema as threats_schema

__all__ = ["schema"]


def schema(
    name: Literal["declaration", "report", "scan", "threats", "release", "dossier"] = "declaration",
) -> int:
    """Print a JSON Schema.

    Args:
        name: declaration (keelmark.yaml), report (the JSON report of assess), scan (that of scan), threats (that of threats),
            release (the predicate that a release signs) or dossier (the facts in a dossier, and what export and verify say of one).
    """
    known = {
        "declaration": json_schema,
        "report": report_schema,
        "scan": scan_schema,
        "threats": threats_schema,
        "release": release_schema,
        "dossier": dossier_schema,
    }
    content = known[name]()
    print_text(json.dumps(content, indent=2, ensure_ascii=False))
    return 0
