"""Fills corpus/ with the fixtures, so that fuzzing starts from files that are read to their end."""

import io
import shutil
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
FIXTURES = [HERE.parent / "golden" / folder for folder in ("policies", "saves")]

MLP_JSON = """{"version": 1, "algorithm": "DQN", "head": "values", "activation": "relu", "exploration_rate": 0.1,
"layers": [{"weight": [[1, -0.5], [0.25, 2e-3]], "bias": [0, 1]}, {"weight": [[1, 0]], "bias": [-1]}],
"normalizer": {"mean": [0, 1], "var": [1, 2], "epsilon": 1e-8, "clip": 10}}"""


def pickle_of(policy):
    """The data.pkl of a file of torch.save, if it is a zip."""
    if not policy.startswith(b"PK"):
        return None
    with zipfile.ZipFile(io.BytesIO(policy)) as archive:
        name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        return archive.read(name)


def main():
    folders = {name: HERE / "corpus" / name for name in ("any_file", "torch_pickle", "sb3_data")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    for fixture in (file for folder in FIXTURES for file in folder.rglob("*")):
        if not fixture.is_file() or fixture.suffix in (".json", ".py"):
            continue
        content = fixture.read_bytes()
        if len(content) < 40_000:
            shutil.copy(fixture, folders["any_file"])
        if not content.startswith(b"PK"):
            continue
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if "data" in names:
                (folders["sb3_data"] / fixture.stem).write_bytes(archive.read("data"))
            policy = archive.read("policy.pth") if "policy.pth" in names else content
            pickle = pickle_of(policy) if "policy.pth" in names or fixture.suffix in (".pth", ".pt") else None
            if pickle:
                (folders["torch_pickle"] / fixture.stem).write_bytes(pickle)
    (folders["any_file"] / "mlp.json").write_text(MLP_JSON)


if __name__ == "__main__":
    main()
