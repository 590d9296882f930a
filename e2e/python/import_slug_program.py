"""What somebody else exported is a parent here, and its row is changed."""

import os

import braintrust

exported = os.environ["VARIANT"]
below = braintrust.start_span(name="below", parent=exported)
below.log(output="by them")
below.end()
braintrust.update_span(exported, output="second", metadata={"changed": 2}, tags=["by them"])
braintrust.flush()
