"""`keelmark schema`: the JSON Schemas, for editors and for readers of reports."""

from __future__ import annotations

import json
from typing import Literal

from keelmark.cli.output import print_text
from keelmark.config.declaration import json_schema
from keelmark.report.json_report import schema as report_schema

__all__ = ["schema"]


def schema(name: Literal["declaration", "report"] = "declaration") -> int:
    """Print a JSON Schema.

    Args:
        name: declaration (keelmark.yaml) or report (the JSON report).
    """
    content = json_schema() if name == "declaration" else report_schema()
    print_text(json.dumps(content, indent=2, ensure_ascii=False))
    return 0
