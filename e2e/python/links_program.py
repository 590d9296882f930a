"""Every address that the package makes for people to open."""

import json
import os

from braintrust import init, init_dataset, init_logger, permalink

project = os.environ["VARIANT"]
logger = init_logger(project=project)
links = []
with logger.start_span() as span:
    span.log(input="question", output="answer")
    links += [span.permalink(), permalink(span.export())]
    logger.flush()
    links.append(span.link())
logger.flush()
experiment = init(project=project, experiment="linked")
with experiment.start_span(name="case") as span:
    span.log(input="question", output="answer", scores={"right": 1})
experiment.flush()
links += [span.permalink(), span.link()]
summary = experiment.summarize()
dataset = init_dataset(project, name="linked")
dataset.insert(input=1)
dataset.flush()
links += [summary.project_url, summary.experiment_url, dataset.summarize().dataset_url]
print(json.dumps(links))
