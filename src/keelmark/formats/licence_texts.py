"""Licences: known texts told by sentences that only they have, and the names that hubs and addresses give them."""

from __future__ import annotations

import re2

__all__ = ["MAX_CHARS", "detect", "spdx_of"]

MAX_CHARS = 400_000

_SPACE = re2.compile(r"[\s*>#/_\"'`\x{201c}\x{201d}\x{2018}\x{2019}]+")
_SPDX_LINE = re2.compile(
    r"(?m)^[\s#/*.<!-]*SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+ ()-]+?)[ \t]*(?:-->|\*/)?$"
)

# Each licence: all sentences of the first tuple must stand in the text, none of the second.
_TEXTS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("MIT", ("permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files", "the above copyright notice and this permission notice"), ("x consortium",)),
    ("MIT-0", ("permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files",), ("the above copyright notice and this permission notice",)),
    ("Apache-2.0", ("apache license version 2.0, january 2004",), ()),
    ("BSD-3-Clause", ("redistribution and use in source and binary forms, with or without modification, are permitted provided that the following conditions are met", "neither the name of"), ("all advertising materials", "clear bsd")),
    ("BSD-4-Clause", ("redistribution and use in source and binary forms, with or without modification, are permitted provided that the following conditions are met", "all advertising materials"), ()),
    ("BSD-2-Clause", ("redistribution and use in source and binary forms, with or without modification, are permitted provided that the following conditions are met",), ("neither the name of", "all advertising materials")),
    ("GPL-3.0-only", ("gnu general public license version 3, 29 june 2007",), ()),
    ("GPL-2.0-only", ("gnu general public license version 2, june 1991",), ()),
    ("AGPL-3.0-only", ("gnu affero general public license version 3, 19 november 2007",), ()),
    ("LGPL-3.0-only", ("gnu lesser general public license version 3, 29 june 2007",), ()),
    ("LGPL-2.1-only", ("gnu lesser general public license version 2.1, february 1999",), ()),
    ("MPL-2.0", ("mozilla public license version 2.0", "covered software"), ("mozilla public license version 2.0 is intended",)),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that",), ()),
    ("ISC", ("permission to use, copy, modify, and distribute this software for any purpose with or without fee is hereby granted, provided that the above copyright notice and this permission notice appear in all copies",), ()),
    ("PSF-2.0", ("psf hereby grants licensee a nonexclusive, royalty-free, world-wide license",), ()),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",), ()),
    ("CC0-1.0", ("cc0 1.0 universal",), ()),
    ("CC-BY-4.0", ("creative commons attribution 4.0 international public license",), ()),
    ("CC-BY-SA-4.0", ("creative commons attribution-sharealike 4.0 international public license",), ()),
    ("CC-BY-NC-4.0", ("creative commons attribution-noncommercial 4.0 international public license",), ()),
    ("CC-BY-NC-SA-4.0", ("creative commons attribution-noncommercial-sharealike 4.0 international public license",), ()),
    ("CC-BY-ND-4.0", ("creative commons attribution-noderivatives 4.0 international public license",), ()),
    ("CC-BY-NC-ND-4.0", ("creative commons attribution-noncommercial-noderivatives 4.0 international public license",), ()),
    ("BSL-1.0", ("boost software license - version 1.0",), ()),
    ("EPL-2.0", ("eclipse public license - v 2.0",), ()),
    ("Zlib", ("this software is provided as-is , without any express or implied warranty", "altered source versions must be plainly marked"), ()),
    ("BUSL-1.1", ("business source license 1.1",), ()),
    ("LicenseRef-Commons-Clause", ("commons clause license condition",), ()),
    ("LicenseRef-Llama-2", ("llama 2 community license agreement",), ()),
    ("LicenseRef-Llama-3", ("meta llama 3 community license agreement",), ()),
    ("LicenseRef-Llama-3.1", ("llama 3.1 community license agreement",), ()),
    ("LicenseRef-Llama-3.2", ("llama 3.2 community license agreement",), ()),
    ("LicenseRef-Llama-3.3", ("llama 3.3 community license agreement",), ()),
    ("LicenseRef-Gemma", ("gemma terms of use", "model derivatives"), ()),
    ("LicenseRef-BigScience-OpenRAIL-M", ("bigscience openrail-m",), ()),
    ("LicenseRef-CreativeML-OpenRAIL-M", ("creativeml open rail-m",), ()),
)  # fmt: skip

# Short notices that stand in for a whole text, in files that are called a licence.
_NOTICES = (
    ("Apache-2.0", "licensed under the apache license, version 2.0"),
    ("GPL-3.0-or-later", "gnu general public license as published by the free software foundation, either version 3 of the license, or (at your option) any later version"),
    ("GPL-2.0-or-later", "gnu general public license as published by the free software foundation; either version 2 of the license, or (at your option) any later version"),
    ("CC-BY-4.0", "creativecommons.org licenses by 4.0"),
    ("MPL-2.0", "subject to the terms of the mozilla public license, v. 2.0"),
)  # fmt: skip

_NAMES = {
    "apache-2.0": "Apache-2.0", "apache 2.0": "Apache-2.0", "apache2": "Apache-2.0", "apache license 2.0": "Apache-2.0",
    "apache": "Apache-2.0", "mit": "MIT", "mit license": "MIT", "mit-0": "MIT-0", "bsd": "BSD-3-Clause",
    "bsd-2-clause": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause", "isc": "ISC", "unlicense": "Unlicense",
    "gpl": "GPL-3.0-only", "gpl-2.0": "GPL-2.0-only", "gpl-3.0": "GPL-3.0-only", "lgpl-2.1": "LGPL-2.1-only",
    "lgpl-3.0": "LGPL-3.0-only", "agpl-3.0": "AGPL-3.0-only", "mpl-2.0": "MPL-2.0", "epl-2.0": "EPL-2.0",
    "bsl-1.0": "BSL-1.0", "zlib": "Zlib", "cc0-1.0": "CC0-1.0", "cc0": "CC0-1.0", "wtfpl": "WTFPL", "odbl": "ODbL-1.0",
    "odc-by": "ODC-By-1.0", "pddl": "PDDL-1.0", "ms-pl": "MS-PL", "artistic-2.0": "Artistic-2.0", "afl-3.0": "AFL-3.0",
    "cc-by-4.0": "CC-BY-4.0", "cc-by-sa-4.0": "CC-BY-SA-4.0", "cc-by-nc-4.0": "CC-BY-NC-4.0",
    "cc-by-nd-4.0": "CC-BY-ND-4.0", "cc-by-nc-sa-4.0": "CC-BY-NC-SA-4.0", "cc-by-nc-nd-4.0": "CC-BY-NC-ND-4.0",
    "cc-by-3.0": "CC-BY-3.0", "cc-by-sa-3.0": "CC-BY-SA-3.0", "cc-by-nc-3.0": "CC-BY-NC-3.0",
    "cc-by-nc-sa-3.0": "CC-BY-NC-SA-3.0", "cc-by-2.0": "CC-BY-2.0",
    "openrail": "LicenseRef-openrail", "creativeml-openrail-m": "LicenseRef-CreativeML-OpenRAIL-M",
    "bigscience-openrail-m": "LicenseRef-BigScience-OpenRAIL-M", "gemma": "LicenseRef-Gemma",
    "llama2": "LicenseRef-Llama-2", "llama3": "LicenseRef-Llama-3", "llama3.1": "LicenseRef-Llama-3.1",
    "llama3.2": "LicenseRef-Llama-3.2", "llama3.3": "LicenseRef-Llama-3.3",
}  # fmt: skip
_CC_ADDRESS = re2.compile(
    r"(?i)creativecommons\.org/(?:licenses/(by(?:-nc)?(?:-nd|-sa)?)/(\d\.\d)|publicdomain/zero/1\.0)"
)
_ADDRESSES = (
    ("apache.org/licenses/license-2.0", "Apache-2.0"),
    ("opensource.org/licenses/mit", "MIT"),
    ("opensource.org/license/mit", "MIT"),
    ("gnu.org/licenses/gpl-3.0", "GPL-3.0-only"),
    ("opendatacommons.org/licenses/odbl", "ODbL-1.0"),
    ("opendatacommons.org/licenses/by", "ODC-By-1.0"),
    ("cdla.dev/permissive-2-0", "CDLA-Permissive-2.0"),
    ("spdx.org/licenses/", ""),
)
_IDENTIFIER = re2.compile(r"^[A-Za-z0-9][A-Za-z0-9.+-]{1,60}$")
_EXPRESSION = re2.compile(r"^[A-Za-z0-9.+() -]+ (?:AND|OR|WITH) [A-Za-z0-9.+() -]+$")


def detect(text: str) -> str:
    """SPDX expression of the licence texts found in a text, in order of the text; "" when none is known."""
    if match := _SPDX_LINE.search(text[:MAX_CHARS]):
        return str(match.group(1))
    normal = _normalised(text)
    found = [
        (normal.find(present[0]), name)
        for name, present, absent in _TEXTS
        if all(part in normal for part in present) and not any(part in normal for part in absent)
    ]
    if not found:
        found = [(normal.find(notice), name) for name, notice in _NOTICES if notice in normal]
    names = [name for _, name in sorted(found)]
    return " AND ".join(dict.fromkeys(names))


def _normalised(text: str) -> str:
    return str(_SPACE.sub(" ", text[:MAX_CHARS].lower())).replace("( ", "(").replace(" )", ")")


def spdx_of(name: str) -> str:
    """SPDX expression for a licence as a hub, a front matter or an address names it; "" for `other` and `unknown`."""
    bare = name.strip()
    lower = bare.lower()
    if lower in {"", "other", "unknown", "none", "proprietary"}:
        return ""
    if lower in _NAMES:
        return _NAMES[lower]
    if match := _CC_ADDRESS.search(bare):
        return f"CC-{match.group(1).upper()}-{match.group(2)}" if match.group(1) else "CC0-1.0"
    for address, spdx in _ADDRESSES:
        if address in lower:
            return spdx or bare.rstrip("/").rpartition("/")[2].removesuffix(".html")
    if bare.startswith("LicenseRef-") or _EXPRESSION.match(bare):
        return bare
    return bare if _IDENTIFIER.match(bare) else ""
