"""Label a Hugging Face dataset of sentence pairs with `Dataset.map`."""

import datasets

import xner
from xner.cli.demo import FOLDER as DEMO


def load() -> datasets.Dataset:
    """English sentences with `ClassLabel` tags, and their Swahili translations."""
    rows = xner.read(DEMO / "en.conll", DEMO / "sw.conll").table
    english = rows["source_tokens"].to_pylist()
    spans = [
        [(e["start"], e["end"], e["label"]) for e in row]
        for row in rows["source_entities"].to_pylist()
    ]
    names = ["O", *(f"{bi}-{label}" for label in ("LOC", "ORG", "PER") for bi in "BI")]
    tags = [
        xner.tags_from_spans(row, len(words)) for row, words in zip(spans, english, strict=True)
    ]
    classes = datasets.Sequence(datasets.ClassLabel(names=names))
    return datasets.Dataset.from_dict(
        {
            "tokens": english,
            "ner_tags": [[names.index(tag) for tag in row] for row in tags],
            "target_tokens": rows["target_tokens"].to_pylist(),
        }
    ).cast_column("ner_tags", classes)


def main() -> None:
    """Project each batch, and print what was found."""
    data = load()
    # The aligner learns from the sentences of a batch: make batches large, or pass `model=`.
    labelled = data.map(xner.project, batched=True, batch_size=1000)
    for row in labelled.select(range(3)):
        words = row["target_tokens"]
        for entity in row["target_entities"]:
            print(entity["label"], *words[entity["start"] : entity["end"]])
    print(labelled.features["ner_tags"].feature.names)


if __name__ == "__main__":
    main()
