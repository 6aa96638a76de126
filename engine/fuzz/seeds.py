"""Fills corpus/ with the fixtures, so that fuzzing starts from files that are read to their end."""

import io
import shutil
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
FIXTURES = HERE.parent / "golden" / "policies"

MLP_JSON = """{"version": 1, "algorithm": "DQN", "head": "values", "activation": "relu", "exploration_rate": 0.1,
"layers": [{"weight": [[1, -0.5], [0.25, 2e-3]], "bias": [0, 1]}, {"weight": [[1, 0]], "bias": [-1]}],
"normalizer": {"mean": [0, 1], "var": [1, 2], "epsilon": 1e-8, "clip": 10}}"""


def main():
    files, pickles = HERE / "corpus" / "any_file", HERE / "corpus" / "torch_pickle"
    for folder in (files, pickles):
        folder.mkdir(parents=True, exist_ok=True)
    for fixture in FIXTURES.rglob("*"):
        if fixture.suffix not in (".zip", ".safetensors", ".pkl"):
            continue
        if fixture.stat().st_size < 30_000:
            shutil.copy(fixture, files)
        if fixture.suffix == ".zip":
            with zipfile.ZipFile(fixture) as save, zipfile.ZipFile(io.BytesIO(save.read("policy.pth"))) as policy:
                (pickles / fixture.stem).write_bytes(policy.read("archive/data.pkl"))
    (files / "mlp.json").write_text(MLP_JSON)


if __name__ == "__main__":
    main()
