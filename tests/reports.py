"""Small projections for reports, with words that would harm a page that does not escape them."""

import base64
import gzip
import json
import re

import pyarrow as pa

from xner.columns import COLUMNS
from xner.corpus import Corpus

EVIL = "</script><script>window.harmed=1</script><img src=x onerror=window.harmed=1>"
ROWS = [
    {
        "id": "yo-1",
        "language": "yo",
        "source": "Adé Ogunbanjo met the mayor of Ìbàdàn .",
        "target": "Adé Ogunbanjo pàdé olórí ìlú Ìbàdàn .",
        "entities": [(0, 2, "PER"), (6, 7, "LOC")],
        "made": [(0, 2, "PER", 0, 1.5), (4, 6, "LOC", 1, 0.6)],
        "gold": [(0, 2, "PER"), (5, 6, "LOC")],
    },
    {
        "id": "ar-1",
        "language": "ar",
        "source": "Layla Haddad works for the Bank of Jordan in Amman .",
        "target": "تعمل ليلى حداد لدى بنك الأردن في عمّان .",
        "entities": [(0, 2, "PER"), (5, 8, "ORG"), (9, 10, "LOC")],
        "made": [(1, 3, "PER", 0, 1.4), (4, 6, "ORG", 1, 1.2)],
        "gold": [(1, 3, "PER"), (4, 6, "ORG"), (7, 8, "LOC")],
    },
    {
        "id": "zh-1",
        "language": "zh",
        "source": "Chen Wei moved to Hangzhou .",
        "target": "陈 伟 搬 到 了 杭州 。",
        "entities": [(0, 2, "PER"), (4, 5, "LOC")],
        "made": [(0, 2, "PER", 0, 1.5), (5, 6, "LOC", 1, 1.5)],
        "gold": [(0, 2, "PER"), (5, 6, "LOC")],
    },
    {
        "id": "evil\"\u2028<b>'",
        "language": "<i>",
        "source": f"{EVIL} said \u202enothing\u202c",
        "target": f"{EVIL} \u2028 '\"",
        "entities": [(0, 3, "<b>PER</b>")],
        "made": [(0, 3, "<b>PER</b>", 0, 1.0)],
        "gold": [(0, 3, "<b>PER</b>")],
    },
    {
        "id": "empty",
        "language": "yo",
        "source": "Adé .",
        "target": "",
        "entities": [(0, 1, "PER")],
        "made": [],
        "gold": [],
    },
]
_OUTCOME = {"ar-1": ["projected", "projected", "below_threshold"], "empty": ["empty_target"]}


def projection(rows=ROWS, entities="made"):
    """The rows as a projected corpus."""
    spans = [[_entity(*e) for e in row[entities]] for row in rows]
    columns = {
        "id": [row["id"] for row in rows],
        "source_tokens": [row["source"].split(" ") for row in rows],
        "source_entities": [[_entity(*e) for e in row["entities"]] for row in rows],
        "target_tokens": [row["target"].split(" ") if row["target"] else [] for row in rows],
        "target_entities": spans,
        "links": [
            [{"source": 0, "target": 0, "weight": 1.0}] if row["target"] else [] for row in rows
        ],
        "outcomes": [_OUTCOME.get(row["id"], ["projected"] * len(row["entities"])) for row in rows],
        "scored_candidates": [_candidates(row["made"]) for row in rows],
    }
    arrays = {name: pa.array(values, COLUMNS[name]) for name, values in columns.items()}
    arrays["language"] = pa.array([row["language"] for row in rows])
    return Corpus.from_table(pa.table(arrays), "test")


def gold(rows=ROWS):
    """The gold labels of the rows."""
    arrays = {
        "tokens": [row["target"].split(" ") if row["target"] else [] for row in rows],
        "entities": [[_entity(*e) for e in row["gold"]] for row in rows],
    }
    return Corpus.from_table(
        pa.table({name: pa.array(values, COLUMNS[name]) for name, values in arrays.items()})
    )


def data_of(path):
    """The data that a report holds."""
    text = path.read_text("utf-8")
    packed = re.search(r'id="data">([A-Za-z0-9+/=]+)</script>', text)
    return json.loads(gzip.decompress(base64.b64decode(packed[1])))


def _entity(start, end, label, source=None, score=None):
    return {"start": start, "end": end, "label": label, "source": source, "score": score}


def _candidates(made):
    """The first entity as a chosen candidate, and a shorter one that lost."""
    return [
        {"source": source, "start": start, "end": stop, "score": value, "fate": fate}
        for start, end, _, source, score in made[:1]
        for stop, value, fate in [(end, score, "chosen"), (start + 1, score / 2, "lower_score")]
    ]
