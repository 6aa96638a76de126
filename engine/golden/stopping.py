"""Computes the wealth of early stops' gamblers from their published formulas, as the golden truth of tests/stopping_golden.rs.

    python stopping.py

writes `stopping.json` beside this script: sequences of differences with the p-values and intervals after each of them. It
shares nothing with the engine: exact fractions instead of floats where the formulas allow it, and 60 digits elsewhere.
PyPI's `confseq` has the same bets without the test of symmetry, but no wheels, and its sources need Boost.

Mean: Waudby-Smith and Ramdas (2024), section 4 with bets of appendix B.3 (approximate GRAPA), one-sided.
Symmetry: Vovk and Wang (2024): the product of 1 - f(x) with an odd f, |f| < 1.
"""

import json
import random
from decimal import Decimal, getcontext
from fractions import Fraction
from pathlib import Path

getcontext().prec = 60
EFFECTS = [Fraction(1, 4), Fraction(1, 2), Fraction(1)]


def exact(value):
    return Fraction(value)


def decimal(fraction):
    return Decimal(fraction.numerator) / Decimal(fraction.denominator)


def symmetry(differences):
    """The average wealth of the three gamblers after each difference."""
    wealth = [Decimal(1)] * len(EFFECTS)
    squares = Fraction(0)
    path = []
    for count, difference in enumerate(map(exact, differences), start=1):
        squares += difference * difference
        if difference != 0:
            scale = decimal(squares / count).sqrt()
            for index, effect in enumerate(EFFECTS):
                belief = decimal(effect) * decimal(difference) / scale
                wealth[index] *= 1 - belief / (1 + belief * belief).sqrt()
        path.append(sum(wealth) / len(wealth))
    return path


def stakes(values, least, expected):
    """What is staked on each value, from those before it."""
    total, squares = expected, least * least / 16
    result = []
    for count, value in enumerate(values, start=1):
        mean = total / count
        variance = squares / count
        result.append(max(Fraction(0), min(mean / (variance + mean * mean), 1 / least)))
        total += value
        squares += (value - mean) ** 2
    return result


def mean_wealth(values, bets, least, shift):
    wealth = Fraction(1)
    for value, bet in zip(values, bets):
        wealth *= max(Fraction(0), 1 + min(bet, 1 / (least - shift)) * (value + shift))
    return wealth


def shift_to(values, bets, least, limit):
    low, high = -max([least] + [abs(value) for value in values]), least
    for _ in range(45):
        middle = (low + high) / 2
        if mean_wealth(values, bets, least, middle) >= limit:
            high = middle
        else:
            low = middle
    return high


def trace(differences, worst, bounds, margin, limit):
    low, high = map(exact, bounds)
    margin = exact(margin)
    gain = max(high - exact(worst), margin)
    loss = high - low - margin
    fall = [-exact(difference) for difference in differences]
    rise = [exact(difference) + margin for difference in differences]
    fall_bets, rise_bets = stakes(fall, gain, margin), stakes(rise, loss, margin)
    of_symmetry = symmetry(differences)
    least = [1.0, 1.0]
    steps = []
    for count in range(1, len(differences) + 1):
        of_mean = mean_wealth(fall[:count], fall_bets[:count], gain, Fraction(0))
        # Where the wealth is gone the p-value stays where it was.
        least[0] = min(least[0], float(1 / of_symmetry[count - 1])) if of_symmetry[count - 1] else least[0]
        least[1] = min(least[1], float(1 / of_mean)) if of_mean else least[1]
        steps.append({"p_value": max(least)})
    count = len(differences)
    steps[-1]["interval"] = {
        "low": float(-(margin + shift_to(rise, rise_bets, loss, limit))),
        "high": float(shift_to(fall, fall_bets, gain, limit)),
    }
    return steps


def cases():
    generator = random.Random(11)
    eighths = lambda value: round(value * 8) / 8
    bounded = lambda low, high, value: max(low, min(high, eighths(value)))
    cart_pole = [500.0 if generator.random() < 0.9 else bounded(9, 200, generator.gauss(60, 30)) for _ in range(24)]
    pendulum = [bounded(-1600, 0, generator.gauss(-160, 80)) for _ in range(24)]
    acrobot = [bounded(-500, -60, generator.gauss(-90, 20)) for _ in range(24)]
    yield "CartPole-v1", [0, 500], [500.0] * 24, [500.0] * 24
    yield "CartPole-v1", [0, 500], cart_pole, [bounded(9, 500, generator.gauss(200, 90)) for _ in range(24)]
    yield "CartPole-v1", [0, 500], cart_pole, cart_pole[::-1]
    yield "Acrobot-v1", [-500, 0], acrobot, [-500.0] * 24
    yield "Acrobot-v1", [-500, 0], acrobot, [bounded(-500, -60, value + generator.gauss(3, 9)) for value in acrobot]
    yield "MountainCar-v0", [-200, 0], [-200.0] * 24, [-200.0] * 23 + [-120.0]


def main():
    written = []
    for environment, bounds, baseline, candidate in cases():
        mean = sum(map(exact, baseline)) / len(baseline)
        margin = float(mean) * -0.1 if mean < 0 else float(mean) * 0.1
        differences = [ours - theirs for ours, theirs in zip(candidate, baseline)]
        written.append({
            "environment": environment,
            "baseline": baseline,
            "candidate": candidate,
            "steps": trace(differences, min(baseline), bounds, margin, Fraction(40)),
        })
    text = json.dumps(written, indent=1) + "\n"
    (Path(__file__).parent / "stopping.json").write_text(text)


if __name__ == "__main__":
    main()
