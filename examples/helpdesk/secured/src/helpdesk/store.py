"""Retrieval over the help articles: an index of plain JSON, read only if it is the released one."""

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from helpdesk.integrity import released_bytes

INDEX = "data/index.json"
_WORD = re.compile(r"[a-z]{3,}")


def words(text: str) -> list[str]:
    """Words of three letters or more, in lower case."""
    return _WORD.findall(text.lower())


def build(articles: list[dict[str, str]]) -> dict:
    """The index: articles, counts of words, inverse document frequencies."""
    counts = [Counter(words(article["title"] + " " + article["body"])) for article in articles]
    seen = Counter(word for count in counts for word in count)
    weights = {word: round(math.log(len(counts) / times), 6) for word, times in sorted(seen.items())}
    return {"articles": articles, "counts": [dict(sorted(count.items())) for count in counts], "weights": weights}


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Released articles, searchable."""

    index: dict

    @classmethod
    def load(cls, root: Path) -> "Store":
        """Read the released index."""
        return cls(index=json.loads(released_bytes(root, INDEX)))

    def search(self, question: str, *, audience: str = "public", limit: int = 3) -> list[dict[str, str]]:
        """The articles nearest to a question, of those that this audience may read."""
        asked = words(question)
        found = []
        for article, count in zip(self.index["articles"], self.index["counts"], strict=True):
            if article["audience"] not in {"public", audience}:
                continue
            score = sum(count.get(word, 0) * self.index["weights"].get(word, 0.0) for word in asked)
            if score > 0:
                found.append((score, article["id"], article))
        found.sort(key=lambda item: (-item[0], item[1]))
        return [article for _, _, article in found[:limit]]
