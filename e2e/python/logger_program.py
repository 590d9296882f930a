"""Tracing without an evaluation, as a service does it."""

from braintrust import init_logger

logger = init_logger(project="python-logs")
with logger.start_span(name="request") as root:
    root.log(input="question", tags=["production"])
    with root.start_span(name="step", type="llm") as step:
        step.log(output={"a": 1})
    root.log(output="answer", metadata={"user": "u1"}, scores={"helpful": 0.75})
logger.flush()
