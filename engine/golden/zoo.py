"""Holds `tars evaluate` against Stable-Baselines3 on published agents: every save below a folder that is laid out as
rl-baselines3-zoo's (ALGORITHM/ENV_RUN/ENV.zip, statistics in ENV_RUN/ENV/vecnormalize.pkl).

    pip install -r requirements-sb3.txt
    python zoo.py FOLDER [TARS]          # TARS: the command to test, by default `tars`

Both run the same episodes, reset with the same seeds, by deterministic actions. Discrete actions must give equal returns;
with continuous ones the last bits of f32 sums may differ, which an unstable pendulum lets grow. Prints a line per agent
and ends with 1 where one differs. Nothing of such a folder is part of this repository.
"""

import json
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import gymnasium
import numpy as np
import sb3_contrib
import stable_baselines3
import torch
from stable_baselines3.common.vec_env import VecNormalize

NATIVE = ["CartPole-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Acrobot-v1", "Pendulum-v1"]
EPISODES, SEED = 10, 5000
TOLERANCE = 1e-3


class Anything:
    """Stands for spaces and random generators of Gym, which is not installed; they change no observation."""

    def __init__(self, *_):
        pass

    def __setstate__(self, _):
        pass


class Statistics(pickle.Unpickler):
    """Reads an old VecNormalize with today's class."""

    def find_class(self, module, name):
        if module.startswith(("gym.", "numpy.random")):
            return Anything
        found = super().find_class(module, name)
        if found is not VecNormalize:
            return found
        return type("Old", (), dict(normalize_obs=VecNormalize.normalize_obs, _normalize_obs=VecNormalize._normalize_obs))


def algorithm_of(path, root):
    name = path.relative_to(root).parts[0].upper()
    return getattr(stable_baselines3, name, None) or getattr(sb3_contrib, name)


def returns_of_sb3(path, root, env_id, statistics):
    environment = gymnasium.make(env_id)
    # Saves of old releases hold schedules and spaces that no longer unpickle. Neither decides about an action.
    replaced = dict(
        learning_rate=0.0,
        lr_schedule=lambda _: 0.0,
        clip_range=lambda _: 0.0,
        delta_std_schedule=lambda _: 0.0,
        exploration_schedule=lambda _: 0.0,
        observation_space=environment.observation_space,
        action_space=environment.action_space,
    )
    algorithm = algorithm_of(path, root)
    if hasattr(algorithm, "replay_buffer_class") or "buffer_size" in algorithm.__init__.__code__.co_varnames:
        replaced["buffer_size"] = 1
    model = algorithm.load(path, custom_objects=replaced, device="cpu", _init_setup_model=True)
    normalize = Statistics(statistics.open("rb")).load().normalize_obs if statistics else lambda observation: observation
    totals = []
    for episode in range(EPISODES):
        observation, _ = environment.reset(seed=SEED + episode)
        total, done = 0.0, False
        while not done:
            action, _ = model.predict(normalize(observation), deterministic=True)
            observation, reward, terminated, truncated, _ = environment.step(action)
            total, done = total + float(reward), terminated or truncated
        totals.append(total)
    return totals


def returns_of_tars(command, path, env_id, statistics):
    arguments = ["evaluate", path, "--env", env_id, "--episodes", str(EPISODES), "--seed", str(SEED), "--json"]
    arguments += ["--vec-normalize", statistics] if statistics else []
    done = subprocess.run([command, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return done.stderr.strip()
    return [episode["total_reward"] for episode in json.loads(done.stdout)[0]["episodes"]]


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    root, command = Path(sys.argv[1]), (sys.argv[2:] or ["tars"])[0]
    wrong = 0
    for path in sorted(root.glob("*/*/*.zip")):
        env_id = path.parent.name.rpartition("_")[0]
        if env_id not in NATIVE or path.stem != env_id:
            continue
        beside = path.parent / env_id / "vecnormalize.pkl"
        statistics = beside if beside.exists() else None
        ours = returns_of_tars(command, path, env_id, statistics)
        theirs = returns_of_sb3(path, root, env_id, statistics)
        if isinstance(ours, str):
            verdict = f"REFUSED: {ours}"
        else:
            error = np.max(np.abs(np.subtract(ours, theirs)) / np.maximum(np.abs(theirs), 1e-9))
            discrete = isinstance(gymnasium.make(env_id).action_space, gymnasium.spaces.Discrete)
            equal = error <= (0 if discrete else TOLERANCE)
            verdict = f"{'equal' if equal else 'DIFFERENT'}: mean {np.mean(ours):.2f}, largest relative error {error:.1e}"
        wrong += "equal" not in verdict
        print(f"{path.relative_to(root)!s:60} {'normalized' if statistics else 'raw':10} {verdict}", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
