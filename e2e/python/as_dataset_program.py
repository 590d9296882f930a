"""An experiment's cases as the data of the next one. VARIANT: project and experiment."""

import json
import os

from braintrust import init

project, experiment = os.environ["VARIANT"].split(" ")
cases = list(init(project=project, experiment=experiment, open=True).as_dataset())
print(json.dumps(sorted(cases, key=lambda case: case["input"])))
