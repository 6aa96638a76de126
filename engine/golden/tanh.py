"""Prints the coefficients of `Tanh::Q` in engine/src/policy/activation.rs.

    pip install -r requirements-gymnasium.txt      # NumPy is all it takes
    python tanh.py

q is the polynomial of degree 5 for which r·q(r) is closest to 2**r - 1 over |r| <= 1/2, in relative error: minimax, by
Lawson's iteration (least squares whose weights grow where the error is large).
"""

import numpy as np

DEGREE = 5


def minimax(points=4001, iterations=300):
    r = 0.5 * np.cos(np.linspace(0, np.pi, points))
    r = r[np.abs(r) > 1e-9]
    target = np.expm1(r * np.log(2)) / r
    powers = np.stack([r**k for k in range(DEGREE + 1)], axis=1)
    weights = np.ones_like(r)
    best = None
    for _ in range(iterations):
        scale = np.sqrt(weights) / target
        coefficients, *_ = np.linalg.lstsq(powers * scale[:, None], target * scale, rcond=None)
        error = np.abs(powers @ coefficients / target - 1)
        if best is None or error.max() < best[0]:
            best = error.max(), coefficients
        weights *= error + 1e-4 * error.max()
        weights /= weights.sum()
    return best


if __name__ == "__main__":
    error, coefficients = minimax()
    print(f"largest relative error before rounding: {error:.2e}")
    for coefficient in reversed(coefficients):
        print(np.float32(coefficient))
