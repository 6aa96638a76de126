"""Prints the coefficients in engine/src/policy/activation/vector.

    pip install -r requirements-verdicts.txt      # NumPy and SciPy are all it takes
    python activations_fit.py

Every fit is minimax in a relative error, by Lawson's iteration: least squares whose weights grow where the error is
large. Polynomials and numerators are printed from the highest power down.
"""

import numpy as np
from scipy.special import erfcx


def chebyshev_points(low, high, points=4001):
    x = (low + high) / 2 + (high - low) / 2 * np.cos(np.linspace(0, np.pi, points))
    return x[np.abs(x) > 1e-9]


def powers(x, degree):
    return np.stack([x**k for k in range(degree + 1)], axis=1)


def polynomial(x, target, degree, scale, iterations=300):
    """The polynomial for which scale · (p(x) - target) is smallest."""
    weights = np.ones_like(x)
    best = None
    for _ in range(iterations):
        row = np.sqrt(weights) * scale
        coefficients, *_ = np.linalg.lstsq(powers(x, degree) * row[:, None], target * row, rcond=None)
        error = np.abs(scale * (powers(x, degree) @ coefficients - target))
        if best is None or error.max() < best[0]:
            best = error.max(), coefficients
        weights *= error + 1e-4 * error.max()
        weights /= weights.sum()
    return best


def quotient(x, target, numerator, denominator, iterations=500):
    """The quotient p(x) / (1 + x · d(x)) with p(0) = target(0), closest to the target in relative error.

    Its equation p - target · x · d = target is linear; dividing it by the denominator found before makes its error the
    quotient's.
    """
    constant = target[np.argmin(np.abs(x))]
    ups, downs = powers(x, numerator)[:, 1:], -target[:, None] * powers(x, denominator)[:, 1:]
    columns = np.concatenate([ups, downs], axis=1)
    weights, below = np.ones_like(x), np.ones_like(x)
    best = None
    for _ in range(iterations):
        row = np.sqrt(weights) / (target * below)
        matrix = columns * row[:, None]
        norms = np.linalg.norm(matrix, axis=0)
        solution, *_ = np.linalg.lstsq(matrix / norms, (target - constant) * row, rcond=None)
        solution /= norms
        above = constant + ups @ solution[:numerator]
        below = 1 + powers(x, denominator)[:, 1:] @ solution[numerator:]
        error = np.abs(above / below / target - 1)
        if best is None or error.max() < best[0]:
            best = error.max(), np.append(constant, solution[:numerator]), np.append(1, solution[numerator:])
        weights *= error + 1e-3 * error.max()
        weights /= weights.sum()
    return best


def show(name, error, *polynomials):
    print(f"{name}: largest relative error before rounding {error:.1e}")
    for coefficients in polynomials:
        for coefficient in reversed(coefficients):
            print("   ", np.float32(coefficient))


def tanh():
    """r · q(r) = 2**r - 1 for |r| <= 1/2."""
    r = chebyshev_points(-0.5, 0.5)
    target = np.expm1(r * np.log(2)) / r
    show("Tanh::Q", *polynomial(r, target, 5, 1 / target))


def exponential():
    """r + r² · q(r) = exp(r) - 1 for |r| <= ln 2 / 2."""
    limit = np.log(2) / 2
    r = chebyshev_points(-limit, limit)
    # Closer to 0 the difference cancels, and its series is at hand.
    target = np.where(np.abs(r) < 1e-2, 1 / 2 + r / 6 + r**2 / 24 + r**3 / 120 + r**4 / 720, (np.expm1(r) - r) / r**2)
    show("exponential Q", *polynomial(r, target, 4, r**2 / np.abs(np.expm1(r))))
    high = np.float32(np.log(2))
    # ln 2 to twice the digits that f64 has room for.
    low = np.longdouble("0.693147180559945309417232121458") - np.longdouble(high)
    print("ln 2:", high, "+", np.float32(low))


def logarithm():
    """u + u² · q(u) = ln(1 + u) for 0 <= u <= 1."""
    u = chebyshev_points(0, 1)
    series = sum((-1) ** (k + 1) * u**k / (k + 2) for k in range(12))
    target = np.where(u < 1e-2, series, (np.log1p(u) - u) / u**2)
    show("logarithm Q", *polynomial(u, target, 8, u**2 / np.log1p(u)))


def gaussian():
    """exp(a² / 2) · Φ(-a) for 0 <= a <= 13.3, where Φ(-a) leaves the range of f32."""
    a = np.append(0, 13.3 * np.linspace(0, 1, 8001)[1:] ** 2)
    show("Gelu above and below", *quotient(a, erfcx(a / np.sqrt(2)) / 2, 4, 5))


def tanhshrink():
    """x³ · q(x²) = x - tanh x for |x| <= 1."""
    square = chebyshev_points(0, 1)
    x = np.sqrt(square)
    series = 1 / 3 - 2 * square / 15 + 17 * square**2 / 315 - 62 * square**3 / 2835 + 1382 * square**4 / 155925
    target = np.where(x < 5e-2, series, (x - np.tanh(x)) / x**3)
    show("Tanhshrink::Q", *polynomial(square, target, 7, 1 / target))


if __name__ == "__main__":
    for fit in (tanh, exponential, logarithm, gaussian, tanhshrink):
        fit()
