"""Traces as services write them: deep, concurrent, continued by somebody else who only has the
exported span, and corrected afterwards."""

import contextvars
import os
import threading

from braintrust import init_logger, start_span, update_span

logger = init_logger(project=os.environ["VARIANT"])


def branch(name, parent):
    with parent.start_span(name=name) as span:
        span.log(input=name)
        with start_span(name="leaf") as leaf:
            leaf.log(output=f"{name} leaf")


with logger.start_span(name="request") as root:
    root.log(input="question", metadata={"kept": 1, "changed": 1})
    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(branch, name, root))
        for name in ("left", "right")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    exported = root.export()
    root.log(output="first answer")
logger.flush()

elsewhere = start_span(name="elsewhere", parent=exported)
elsewhere.log(output="from another process")
elsewhere.end()
update_span(exported, output="second answer", metadata={"changed": 2}, tags=["corrected"])
logger.flush()
