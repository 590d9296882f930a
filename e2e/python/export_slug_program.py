"""Slugs as services hand them on: before the project has an id, after it, and of an experiment."""

import json
import os

import braintrust

logger = braintrust.init_logger(project=os.environ["VARIANT"])
root = logger.start_span(name="theirs")
early = root.export()
root.log(input="from them", metadata={"kept": 1, "changed": 1})
leaf = root.start_span(name="leaf")
leaf.end()
root.end()
logger.flush()
late = leaf.export()

experiment = braintrust.init(project=os.environ["VARIANT"], experiment="theirs")
run = experiment.start_span(name="case", input="a", output="A")
run.end()
experiment.flush()
print(json.dumps({"early": early, "late": late, "experiment": run.export()}))
