"""Writes saves as users have them, and what Stable-Baselines3 itself (or the named library) computes from them.

    pip install -r requirements-sb3.txt
    python saves.py                  # writes ./saves/
    python saves.py algorithms       # one part only; the others' entries in saves.json stay

policies.py covers the arithmetic of a plain MLP. These files cover the many shapes in which policies come: other
algorithms and activations, saves that a careless reader misreads without noticing, other number types, other
containers. saves.json holds, by file name:

    made          how the file was made, and the public report of such a file where there is one
    algorithm     its name in capitals, or null where the file does not tell; then
    trained_by    tells it
    env           the Gymnasium id
    options       what a user has to say beside the file before the numbers hold; {} if nothing
    refused       true for a file that must be refused without its options; with {} it must be refused in any case
    because       one word for why
    vec_normalize file name of the VecNormalize statistics that belong to it
    observations  16 raw observations (exact f32 values)
    outputs       the last layer's outputs before squashing, clipping or argmax, or null
    actions       what the library's predict(deterministic=True) makes of each: an index, or the vector for env.step
    sampling      mean and std of the Gaussian before squashing that a sampled action is drawn from (saving.sampling)
    episodes      [return, steps] of 12 episodes, the i-th from reset(seed=5000+i), with predict(deterministic=True)
    mean          their mean return

Numbers stand in refused entries, too: those are right, any others would be wrong. The key "baselines" holds what
evaluations.npz and monitor.csv say.
"""

import json
import random
import re
import sys
import uuid
import warnings

import torch

from saves_algorithms import activations, algorithms
from saves_baselines import baselines
from saves_cleanrl import cleanrl
from saves_containers import containers
from saves_misread import misread
from saves_types import types
from saving import HERE

PARTS = dict(
    algorithms=algorithms,
    activations=activations,
    misread=misread,
    types=types,
    containers=containers,
    cleanrl=cleanrl,
    baselines=baselines,
)


def dump(entries):
    """JSON with every list on one line."""
    text = json.dumps(entries, indent=1)
    return re.sub(r"\[[^\[\]{}\"]*\]", lambda found: re.sub(r"\s+", " ", found[0]), text) + "\n"


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    ids = random.Random(0)
    uuid.uuid4 = lambda: uuid.UUID(int=ids.getrandbits(128))  # cloudpickle numbers classes so
    HERE.mkdir(exist_ok=True)
    path = HERE / "saves.json"
    entries = json.loads(path.read_text()) if path.exists() else {}
    for part in sys.argv[1:] or PARTS:
        entries |= PARTS[part]()
        path.write_text(dump(dict(sorted(entries.items()))))


if __name__ == "__main__":
    main()
