"""What people say about an answer after it was logged, on a project's logs and an experiment."""

import json
import os

from braintrust import init, init_logger

SAID = {
    "scores": {"helpful": 0.25},
    "expected": "a better answer",
    "tags": ["reviewed"],
    "comment": "too short",
    "metadata": {"user": "u1"},
    "source": "app",
}
project = os.environ["VARIANT"]
logger = init_logger(project=project)
with logger.start_span() as span:
    span.log(input="question", output="answer", scores={"automatic": 1})
logger.flush()
logger.log_feedback(id=span.id, **SAID)
logger.flush()

experiment = init(project=project, experiment="reviewed")
row = experiment.log(input="question", output="answer", scores={"automatic": 1})
experiment.flush()
experiment.log_feedback(id=row, **SAID)
experiment.flush()
print(json.dumps({"logged": span.id, "experiment": row}))
