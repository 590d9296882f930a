"""Experiments that are logged by hand and compared with a base of the caller's choice."""

import json
import os

from braintrust import init

project = os.environ["VARIANT"]


def log(name, scores, **options):
    experiment = init(project=project, experiment=name, **options)
    for case, right in scores.items():
        experiment.log(input=case, output=right, scores={"right": right})
    experiment.flush()
    return experiment


def shown(summary):
    return {
        "base": summary.comparison_experiment_name,
        "scores": {name: score.as_dict() for name, score in summary.scores.items()},
        "links": [summary.project_url, summary.experiment_url],
    }


base = log("base", {"a": 1, "b": 0, "c": 0, "d": 1})
log("between", {"a": 0, "b": 0, "c": 0, "d": 0})
chosen = log("chosen", {"a": 1, "b": 1, "c": 1, "d": 0})
declared = log("declared", {"a": 0, "b": 0, "c": 1, "d": 1}, base_experiment="base")
print(
    json.dumps(
        {
            "chosen": shown(chosen.summarize(comparison_experiment_id=base.id)),
            "declared": shown(declared.summarize()),
        }
    )
)
