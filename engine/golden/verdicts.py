"""Computes what SciPy, rliable and statsmodels say, as the golden truth of tests/statistics_golden.rs.

    pip install -r requirements-verdicts.txt && python verdicts.py

writes `verdicts.json` beside this script: for each function a list of cases, each with its input and output. Samples
are drawn once, from fixed seeds, and stored.
"""

import json
from pathlib import Path

import numpy as np
from rliable.metrics import aggregate_iqm
from scipy import stats
from statsmodels.stats.multitest import multipletests

LEVELS = [0.25, 0.1, 0.05, 0.025, 0.001, 1e-6]
FREEDOMS = [1, 1.3, 2, 2.7, 5, 9, 17.4, 49, 99, 198.5, 999, 1998, 20_000.5, 1_001_998]
TS = [-40, -6.5, -2.2, -1, -0.999, -0.3, -1e-7, 0, 1e-3, 0.7, 1, 1.0001, 1.9, 3.3, 7.7, 25]


def samples():
    """Returns as environments give them: continuous, capped, floored, heavy-tailed, with ties, constant, tiny, huge."""
    rng = np.random.default_rng(13)
    drawn = {
        "two": [1.5, -2.25],
        "three": [-200.0, -199.0, -150.0],
        "four": [3.0, 1.0, 2.0, 10.0],
        "constant": [500.0] * 7,
        "tenths": [0.1] * 9,
        "pendulum": rng.normal(-152.1, 94.3, 50),
        "cart_pole": np.minimum(500, rng.normal(480, 40, 100).round()),
        "mountain_car": np.maximum(-200, rng.normal(-170, 40, 53).round()),
        "lunar_lander": np.where(rng.random(200) < 0.1, rng.normal(-120, 60, 200), rng.normal(260, 25, 200)),
        "cauchy": rng.standard_cauchy(31),
        "tiny": rng.normal(1e-7, 1e-9, 12),
        "far": rng.normal(1e8, 1.0, 40),
        "thousand": rng.gamma(2.0, 60.0, 1000),
    }
    return {name: [float(value) for value in values] for name, values in drawn.items()}


def summary(values):
    return {"n": len(values), "mean": np.mean(values), "population_variance": np.var(values)}


def interval(pair):
    return {"low": pair[0], "high": pair[1]}


def sample_cases():
    for name, values in samples().items():
        constant = len(set(values)) == 1
        # SciPy answers NaN for a sample without spread; the engine answers the point, and no error of a level line.
        mean = interval([values[0]] * 2) if constant else interval(
            stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
        )
        bootstrap = stats.bootstrap(
            (values,),
            lambda resamples, axis: stats.trim_mean(resamples, 0.25, axis=axis),
            n_resamples=2000,
            confidence_level=0.95,
            method="percentile",
            vectorized=True,
            rng=np.random.default_rng(0),
        ).confidence_interval
        line = stats.linregress(np.arange(len(values)), values)
        yield {
            "name": name,
            "values": values,
            "summary": summary(values),
            "mean_interval": mean,
            "iqm": aggregate_iqm(np.array(values)[:, None]),
            "iqm_interval": interval(bootstrap),
            "slope": line.slope,
            "slope_error": None if len(values) < 3 else 0.0 if constant else line.stderr,
        }


def t_cases():
    for freedom in FREEDOMS:
        yield {
            "freedom": freedom,
            "tails": [{"t": t, "tail": stats.t.sf(t, freedom)} for t in TS],
            "quantiles": [{"tail": tail, "t": stats.t.isf(tail, freedom)} for tail in LEVELS],
        }


def welch_cases():
    drawn = samples()
    pairs = [
        ("pendulum", "cart_pole"), ("mountain_car", "three"), ("two", "four"), ("lunar_lander", "thousand"),
        ("constant", "pendulum"), ("cart_pole", "constant"), ("far", "far"), ("tiny", "two"), ("three", "lunar_lander"),
    ]
    for candidate, reference in pairs:
        a, b = drawn[candidate], drawn[reference]
        result = stats.ttest_ind(a, b, equal_var=False, alternative="less")
        from_stats = stats.ttest_ind_from_stats(
            np.mean(a), np.std(a, ddof=1), len(a), np.mean(b), np.std(b, ddof=1), len(b),
            equal_var=False, alternative="less",
        )
        assert np.isclose(result.pvalue, from_stats.pvalue, rtol=1e-9, atol=0)
        yield {
            "candidate": summary(a),
            "reference": summary(b),
            "freedom": result.df,
            "p_worse": result.pvalue,
            "interval": interval(stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.9)),
        }


def paired_cases():
    rng = np.random.default_rng(14)
    for name, reference in samples().items():
        spread = 0.5 * (np.std(reference) + 1)
        candidate = np.array(reference) + rng.normal(-0.2 * spread, spread, len(reference))
        result = stats.ttest_rel(candidate, reference, alternative="less")
        yield {
            "name": name,
            "differences": [float(difference) for difference in candidate - reference],
            "p_worse": result.pvalue,
            "interval": interval(stats.ttest_rel(candidate, reference).confidence_interval(0.9)),
        }


def upper_share(cases, n, tail):
    return stats.beta.isf(tail, cases + 1, n - cases) if cases < n else 1.0


def proportion_cases():
    sizes = [(1, 1), (2, 2), (3, 3), (10, 10), (10, 100), (100, 10), (50, 100), (100, 100), (1000, 1000)]
    for first, second in sizes:
        for cases in sorted({0, 1, 2, first // 10, first // 2, first - 1, first}):
            if 0 <= cases <= first:
                table = [[cases, first - cases], [0, second]]
                yield {
                    "cases": cases,
                    "first": first,
                    "second": second,
                    "fisher": stats.fisher_exact(table, alternative="greater").pvalue,
                    "upper": [{"tail": tail, "share": upper_share(cases, first, tail)} for tail in (0.05, 0.001)],
                }


def holm_cases():
    families = [0.03], [0.01, 0.04], [0.04, 0.01, 0.03, 0.005], [0.02, 0.02, 0.02], [0.9, 0.8, 1.0], [0.0, 1e-9, 0.5]
    for p_values in families:
        yield {"raw": p_values, "adjusted": multipletests(p_values, method="holm")[1]}


def entropy_cases():
    for counts in ([1], [5, 5], [0, 9, 0], [1, 2, 3, 4], [123_456_789, 1, 0], [10**12, 3 * 10**11]):
        yield {"counts": counts, "entropy": abs(stats.entropy(counts))}


def plain(value):
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def main():
    cases = [sample_cases, t_cases, welch_cases, paired_cases, proportion_cases, holm_cases, entropy_cases]
    golden = {function.__name__.removesuffix("_cases"): plain(list(function())) for function in cases}
    # One case per line keeps the file small and its changes readable.
    sections = (
        f' {json.dumps(name)}: [\n  ' + ",\n  ".join(json.dumps(case, allow_nan=False) for case in cases) + "\n ]"
        for name, cases in golden.items()
    )
    Path(__file__).with_suffix(".json").write_text("{\n" + ",\n".join(sections) + "\n}\n")


if __name__ == "__main__":
    main()
