"""Writes what torch computes for each activation function: activations.safetensors.

    pip install -r requirements-sb3.txt
    python activations.py

x (f32) are the inputs, the same for all. Per function NAME (torch's class in lower case) there are NAME.f32, what
torch gives for them in f32, and NAME.f64, the function of the same inputs in double precision. Torch's own f32 is not
one value: its vector code and the scalar code for the last few elements round differently. NAME.f64 is the truth,
except where a formula loses it in f32: Tanhshrink near 0 (x - tanh(x)), GELU and Hardswish at 3e38 (inf).
"""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

HERE = Path(__file__).parent
FUNCTIONS = [
    *(nn.ELU, nn.LeakyReLU, nn.SiLU, nn.GELU, nn.Sigmoid, nn.LogSigmoid, nn.Softplus, nn.Mish, nn.Identity),
    *(nn.Hardtanh, nn.SELU, nn.CELU, nn.ReLU6, nn.Softsign, nn.Hardswish, nn.Hardsigmoid, nn.Tanhshrink),
]
# Where a function has a corner, a branch (Softplus: 20), or where exp() overflows or vanishes in f32.
CORNERS = [
    0.5,
    1,
    2,
    3,
    6,
    9,
    10,
    17,
    20,
    30,
    40,
    60,
    80,
    87,
    88.7,
    88.8,
    89,
    90,
    100,
    103,
    104,
    110,
    150,
    300,
    1e4,
    1e10,
    3e38,
]


def inputs():
    dense = np.linspace(-9, 9, 2001)
    sizes = np.geomspace(1e-6, 30, 700)
    corners = np.float32(CORNERS)
    near = [corners, np.nextafter(corners, np.float32(0)), np.nextafter(corners, np.float32(np.inf))]
    tiny = np.float32([0.0, 1e-45, 1e-40, 1.2e-38, 1e-30, 1e-20, 1e-10, 1e-8, 1e-7])
    positive = np.concatenate([sizes, *near, tiny]).astype(np.float32)
    return torch.from_numpy(np.concatenate([dense.astype(np.float32), positive, -positive]))


def main():
    torch.set_num_threads(1)
    x = inputs()
    tensors = {"x": x}
    for function in FUNCTIONS:
        name = function.__name__.lower()
        # A function of the input itself would share its memory, which safetensors refuses.
        tensors[f"{name}.f32"] = function()(x).clone()
        tensors[f"{name}.f64"] = function()(x.double()).clone()
        assert tensors[f"{name}.f64"].isfinite().all(), name
    save_file(tensors, HERE / "activations.safetensors")


if __name__ == "__main__":
    main()
