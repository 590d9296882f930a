"""Files in traces: uploaded by one process, read back by another. VARIANT: project and step."""

import hashlib
import json
import os

from braintrust import Attachment, ReadonlyAttachment, init_dataset, init_logger

project, step = os.environ["VARIANT"].split(" ", 1)


def digest(data):
    return hashlib.sha256(data).hexdigest()


if step == "write":
    # No text, and long enough for more than one read of a socket.
    data = bytes((at * 31 + (at >> 8)) & 0xFF for at in range(300_000))

    def make(filename):
        return Attachment(data=data, filename=filename, content_type="application/octet-stream")

    logger = init_logger(project=project)
    with logger.start_span() as span:
        span.log(input={"nested": [make("a name ü.bin")]}, output="seen")
    logger.flush()
    dataset = init_dataset(project, name="files")
    dataset.insert(id="f", input=make("case.bin"), expected="seen")
    dataset.flush()
    print(json.dumps({"digest": digest(data)}))
else:
    attachment = ReadonlyAttachment(json.loads(step))
    [row] = init_dataset(project, name="files").fetched_data
    print(
        json.dumps(
            {
                "digest": digest(attachment.data),
                "fromDataset": digest(row["input"].data),
                "status": attachment.status()["upload_status"],
            }
        )
    )
