"""A row beyond what one request may carry, between two small ones."""

import json
import os

from braintrust import init_logger

logger = init_logger(project=os.environ["VARIANT"])
large = " ".join(f"{at * 2654435761 % 2**32:08x}"[-7:] for at in range(10 << 17))
for name, output in (("before", "small"), ("large", large), ("after", "small")):
    with logger.start_span(name=name) as span:
        span.log(input=name, output=output)
logger.flush()
print(json.dumps({"length": len(large), "head": large[:40], "tail": large[-40:]}))
