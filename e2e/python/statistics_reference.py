"""Answers questions about statistics with scipy and statsmodels.

The file named on the command line holds a JSON list of [function, arguments]; stdout gets a JSON
list of lists of numbers, in the same order.
"""

import json
import math
import sys

import numpy as np
from scipy import optimize, stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import proportion_confint


def wilson(successes, cases, level):
    return proportion_confint(successes, cases, alpha=1 - level, method="wilson")


def effective_wilson(means, most, level):
    mean, error = np.mean(means), stats.sem(means)
    size = len(means) if error == 0 else min(mean * (1 - mean) / error**2, most)
    # The alpha at which the normal quantile is the quantile of t that is wanted.
    alpha = 2 * stats.norm.sf(stats.t.ppf((1 + level) / 2, len(means) - 1))
    return proportion_confint(mean * size, size, alpha=alpha, method="wilson")


def student(values, level):
    return stats.ttest_1samp(values, 0).confidence_interval(level)


def paired_student(current, base, level):
    return stats.ttest_rel(current, base).confidence_interval(level)


def hall(values, level):
    """Inverts Hall's transformation by search instead of its closed form."""
    n = len(values)
    skewness = stats.skew(values)

    def transformed(t):
        cubic = skewness**2 * t**3 / (27 * n)
        return t + skewness * (t**2 / 3 + 1 / 6) / math.sqrt(n) + cubic

    quantile = stats.t.ppf((1 + level) / 2, n - 1)

    def end(x):
        t = optimize.brentq(lambda t: transformed(t) - x, -1e4, 1e4, xtol=1e-13)
        return np.mean(values) - t * stats.sem(values)

    return [end(quantile), end(-quantile)]


def bca(values, level):
    result = stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=level,
        n_resamples=20_000,
        method="BCa",
        random_state=np.random.default_rng(1),
    )
    return result.confidence_interval


def bonett_price(improved, regressed, cases, level):
    """From the counts of the 2 x 2 table, as published."""
    up, down = (improved + 1) / (cases + 2), (regressed + 1) / (cases + 2)
    half = stats.norm.ppf((1 + level) / 2) * math.sqrt((up + down - (up - down) ** 2) / (cases + 2))
    return [max(up - down - half, -1), min(up - down + half, 1)]


def mcnemar_mid_p(improved, regressed):
    exact = mcnemar([[0, improved], [regressed, 0]], exact=True).pvalue
    seen = stats.binom.pmf(improved, improved + regressed, 0.5)
    return [exact - seen / 2 if improved == regressed else exact - seen]


def sign_flip(differences, resamples):
    result = stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        n_resamples=resamples or np.inf,
        random_state=np.random.default_rng(1),
    )
    return [result.pvalue]


def holm(p_values):
    return multipletests(p_values, method="holm")[1]


def clustered_standard_error(values, cases):
    clusters = {"groups": np.array(cases)}
    fit = OLS(values, np.ones(len(values))).fit(cov_type="cluster", cov_kwds=clusters)
    return [fit.params[0], fit.bse[0]]


def minimum_detectable_effect(sd, cases, level, power):
    effect = TTestPower().solve_power(None, nobs=cases, alpha=1 - level, power=power)
    return [effect * sd]


def cases_needed(sd, effect, level, power):
    return [np.ceil(TTestPower().solve_power(effect / sd, alpha=1 - level, power=power))]


with open(sys.argv[1], encoding="utf-8") as file:
    questions = json.load(file)
answers = [[float(x) for x in globals()[name](*arguments)] for name, arguments in questions]
json.dump(answers, sys.stdout)
