"""Records what torch's activation functions give: activations.safetensors.

    pip install -r requirements-sb3.txt      # mpmath comes with torch
    python activations.py

It holds the inputs "x", for each class of torch.nn its outputs in f32, "<class>", and for finite inputs the true value of
its definition in f64, "<class>.true" (NaN elsewhere), computed with 60 digits.
"""

from pathlib import Path

import mpmath
import numpy as np
import torch
from mpmath import mp, mpf
from safetensors.numpy import save_file


def inputs():
    generator = np.random.default_rng(0)
    spread = generator.choice([-1, 1], 500) * 10 ** generator.uniform(-7, 2, 500)
    common = generator.uniform(-8, 8, 700)
    kinks = np.array([0, 1e-30, 1e-3, 0.3465, 0.3466, 1, 3, 6, 9.02, 13.2, 13.3, 20, 20.1, 87.2, 87.4, 88.7, 89, 104, 1e10, 5e37])
    special = [np.inf, -np.inf, np.nan]
    return np.concatenate([spread, common, kinks, -kinks, special]).astype(np.float32)


def softplus(x):
    return max(x, mpf(0)) + mpmath.log1p(mpmath.exp(-abs(x)))


def elu(x):
    return x if x > 0 else mpmath.expm1(x)


def within(x, low, high):
    return min(max(x, mpf(low)), mpf(high))


SELU = mpf("1.0507009873554804934193349852946"), mpf("1.6732632423543772848170429916717")

DEFINITIONS = {
    "Tanh": mpmath.tanh,
    "ReLU": lambda x: max(x, mpf(0)),
    "ELU": elu,
    "LeakyReLU": lambda x: x if x > 0 else x / 100,
    "SiLU": lambda x: x / (1 + mpmath.exp(-x)),
    "GELU": lambda x: x * mpmath.ncdf(x),
    "Sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "LogSigmoid": lambda x: -softplus(-x),
    "Softplus": softplus,
    "Mish": lambda x: x * mpmath.tanh(softplus(x)),
    "Identity": lambda x: x,
    "Hardtanh": lambda x: within(x, -1, 1),
    "SELU": lambda x: SELU[0] * (x if x > 0 else SELU[1] * mpmath.expm1(x)),
    "CELU": elu,
    "ReLU6": lambda x: within(x, 0, 6),
    "Softsign": lambda x: x / (1 + abs(x)),
    "Hardswish": lambda x: x * within(x + 3, 0, 6) / 6,
    "Hardsigmoid": lambda x: within(x + 3, 0, 6) / 6,
    "Tanhshrink": lambda x: x - mpmath.tanh(x),
}


def true_value(definition, x):
    return float(definition(mpf(float(x)))) if np.isfinite(x) else np.nan


if __name__ == "__main__":
    mp.dps = 60
    torch.set_num_threads(1)
    # oneDNN computes GELU on some CPUs, and then it is NaN for infinity. Torch's own kernel gives the same everywhere.
    torch.backends.mkldnn.enabled = False
    x = inputs()
    tensors = {"x": x}
    for name, definition in DEFINITIONS.items():
        tensors[name] = getattr(torch.nn, name)()(torch.from_numpy(x.copy())).numpy()
        tensors[f"{name}.true"] = np.array([true_value(definition, value) for value in x])
    path = Path(__file__).parent / "activations.safetensors"
    save_file(tensors, path)
    print(path.name, len(x), "inputs,", path.stat().st_size, "bytes")
