"""An evaluation as a user of the PyPI package writes it. VARIANT chooses how good the task is."""

import os

from braintrust import Eval

VARIANT = os.environ["VARIANT"]
ANSWERS = {
    "first": {"a": "A", "b": "wrong", "c": "C"},
    "second": {"a": "wrong", "b": "B", "c": "C"},
}[VARIANT]


def task(input, hooks):
    if input == "boom":
        raise RuntimeError("task failed on purpose")
    with hooks.span.start_span(name="lookup", type="tool") as span:
        span.log(input=input, metadata={"step": {"first": 1}})
        span.log(metadata={"step": {"second": 2}}, metrics={"tokens": 3})
        span.log(output=ANSWERS[input])
    return ANSWERS[input]


def exact(input, output, expected):
    return 1 if output == expected else 0


def fragile(input, output, expected):
    if input == "c":
        raise RuntimeError("scorer failed on purpose")
    return 0.5


result = Eval(
    "python-project",
    experiment_name=f"python-{VARIANT}",
    data=lambda: [
        {"input": "a", "expected": "A", "metadata": {"kind": "vowel"}, "tags": ["short"]},
        {"input": "b", "expected": "B"},
        {"input": "c", "expected": "C"},
        {"input": "boom", "expected": "never"},
    ],
    task=task,
    scores=[exact, fragile],
    max_concurrency=2,
    trial_count=2,
)

# The reporter prints errors instead of the summary when a task failed, so print it here.
print(result.summary)
