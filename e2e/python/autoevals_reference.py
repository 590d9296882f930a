"""Scores the cases of a file, one JSON object a line, with PyPI's autoevals.

Prints a line per case: {"score": "0.5"}, as Python writes the float, or {"error": "TypeError"}.
"""

import json
import sys

from autoevals.json import JSONDiff, ValidJSON
from autoevals.list import ListContains
from autoevals.number import NumericDiff
from autoevals.score import Score, Scorer
from autoevals.string import EmbeddingSimilarity, Levenshtein
from autoevals.value import ExactMatch


class Equal(Scorer):
    """Equality as Python has it."""

    def _run_eval_sync(self, output, expected=None, **kwargs):
        return Score(name=self._name(), score=1 if output == expected else 0)


class Cosine(Scorer):
    """The formula of EmbeddingSimilarity without its request. Expected: the other vector and the minimum."""

    def _run_eval_sync(self, output, expected=None, **kwargs):
        vector, minimum = expected
        cosine = EmbeddingSimilarity.cosine_similarity(output, vector)
        return Score(name=self._name(), score=EmbeddingSimilarity.scale_score(cosine, minimum))


SCORERS = {
    "embedding_similarity": Cosine(),
    "exact_match": ExactMatch(),
    "levenshtein": Levenshtein(),
    "numeric_diff": NumericDiff(),
    "json_diff": JSONDiff(),
    "json_diff/preserve_strings": JSONDiff(preserve_strings=True),
    "json_diff/equal": JSONDiff(string_scorer=Equal(), number_scorer=Equal()),
    "valid_json": ValidJSON(),
    # The second argument is the schema.
    "json_schema": ValidJSON(),
    "list_contains": ListContains(),
    "list_contains/allow_extra_entities": ListContains(allow_extra_entities=True),
    "list_contains/numbers": ListContains(pairwise_scorer=NumericDiff()),
}


def answer(case):
    try:
        score = SCORERS[case["scorer"]].eval(case["output"], case["expected"]).score
    except Exception as error:
        return {"error": type(error).__name__}
    return {"score": repr(float(score))}


with open(sys.argv[1], encoding="utf-8") as cases:
    for line in cases:
        print(json.dumps(answer(json.loads(line))))
