"""The life of a dataset: rows come, change and go; earlier versions stay readable."""

import json
import os

from braintrust import Eval, init_dataset
from braintrust.framework import ReporterDef

project = os.environ["VARIANT"]


def open_dataset(version=None):
    return init_dataset(project, name="questions", version=version)


def rows(dataset):
    members = ("id", "input", "expected", "metadata", "tags")
    shown = [
        {name: row[name] for name in members if row.get(name) is not None}
        # Two rows a page, so that there is more than one.
        for row in dataset.fetch(batch_size=2)
    ]
    return sorted(shown, key=lambda row: row["id"])


dataset = open_dataset()
dataset.insert(id="a", input="one", expected=1, metadata={"from": "x", "step": 1}, tags=["t"])
dataset.insert(id="b", input="two", expected=2)
dataset.insert(id="c", input="three", expected=3)
dataset.flush()
before = rows(open_dataset())
version = open_dataset().version

dataset.update(id="a", expected="uno", metadata={"step": 2})
dataset.delete("b")
dataset.insert(id="d", input="four", expected=4)
dataset.flush()
after = rows(open_dataset())
pinned = rows(open_dataset(version))
summary = dataset.summarize()

quiet = ReporterDef(
    name="quiet",
    report_eval=lambda evaluator, result, verbose, jsonl: True,
    report_run=lambda results, verbose, jsonl: True,
)


def known(input, output, expected):
    return 1 if input and expected else 0


for name, data in (("latest", open_dataset()), ("pinned", open_dataset(version))):
    Eval(
        project,
        experiment_name=name,
        data=data,
        task=lambda input: input,
        scores=[known],
        reporter=quiet,
    )

print(
    json.dumps(
        {
            "before": before,
            "after": after,
            "pinned": pinned,
            "version": version,
            "id": dataset.id,
            "records": summary.data_summary.total_records,
        }
    )
)
