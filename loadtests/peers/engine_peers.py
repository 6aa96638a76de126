"""Measures the engine beside what a user would pick instead, in one run on one machine.

    pip install -r requirements.txt
    python engine_peers.py [--rounds 5] [--seconds 0.5]

Policy steps: CartPole-v1 with trained 2 x 64 policies (examples/policies), against Stable-Baselines3's evaluate_policy
with 1 and with 16 environments. Environment steps: the five native environments without a policy, against Gymnasium and
EnvPool; discrete actions take turns, continuous ones are zero, finished episodes are reset.

The engine runs on one thread, and so does PyTorch, which is faster with so small a network. EnvPool gets all cores and
its best batch size. Contenders alternate: each round measures all of them, starting with another one. The table shows
medians over rounds, and each ratio's lowest and highest round.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import envpool
import gymnasium
import numpy as np
import torch
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

ROOT = Path(__file__).resolve().parents[2]
POLICIES = {
    "CartPole-v1, PPO, tanh": (PPO, ROOT / "examples/policies/cartpole-ppo.zip"),
    "CartPole-v1, DQN, ReLU": (DQN, ROOT / "examples/policies/cartpole-dqn.zip"),
}
ENVIRONMENTS = ["Acrobot-v1", "CartPole-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1"]
ENVPOOL_BATCHES = [16, 64, 256, 1024]


def steps_per_second(work, seconds):
    """Calls `work`, which returns how many steps it made, until the time is over."""
    start, steps = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        steps += work()
    return steps / (time.perf_counter() - start)


def turns(space, lanes):
    """Batches of actions: in round r, lane l takes (l + r) % n, or zeros."""
    if isinstance(space, gymnasium.spaces.Discrete):
        return [(np.arange(lanes) + turn) % space.n for turn in range(int(space.n))]
    return [np.zeros((lanes, *space.shape), space.dtype)]


def engine(_seconds):
    command = ["cargo", "run", "--quiet", "--release", "-p", "tars-engine", "--example", "throughput", "--"]
    paths = {str(path): name for name, (_, path) in POLICIES.items()}
    output = subprocess.run([*command, *paths], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {paths.get(key, key): figure for key, figure in json.loads(output).items()}


def stable_baselines3(lanes):
    def contender(seconds):
        figures = {}
        for name, (algorithm, path) in POLICIES.items():
            environments = make_vec_env("CartPole-v1", n_envs=lanes, seed=0)
            model = algorithm.load(path, device="cpu")

            def work():
                _, lengths = evaluate_policy(model, environments, n_eval_episodes=lanes, return_episode_rewards=True)
                return sum(lengths)

            figures[name] = steps_per_second(work, seconds)
        return figures

    return contender


def gymnasium_alone(seconds):
    figures = {}
    for name in ENVIRONMENTS:
        environment = gymnasium.make(name)
        actions = [batch[0] for batch in turns(environment.action_space, 1)]
        environment.reset(seed=0)

        def work():
            for step in range(1000):
                *_, terminated, truncated, _ = environment.step(actions[step % len(actions)])
                if terminated or truncated:
                    environment.reset()
            return 1000

        figures[name] = steps_per_second(work, seconds)
    return figures


def envpool_alone(seconds):
    figures = {}
    for name in ENVIRONMENTS:
        best = 0
        for lanes in ENVPOOL_BATCHES:
            environment = envpool.make(name, env_type="gymnasium", num_envs=lanes, seed=0)
            actions = turns(environment.action_space, lanes)
            environment.reset()

            def work():
                for step in range(100):
                    environment.step(actions[step % len(actions)])
                return 100 * lanes

            best = max(best, steps_per_second(work, seconds))
            environment.close()
        figures[name] = best
    return figures


CONTENDERS = {
    "T.A.R.S.": engine,
    "SB3, 1 environment": stable_baselines3(1),
    "SB3, 16 environments": stable_baselines3(16),
    "Gymnasium": gymnasium_alone,
    "EnvPool": envpool_alone,
}


def measure(rounds, seconds):
    """figures[contender][what] = one figure per round."""
    figures = {contender: {} for contender in CONTENDERS}
    order = list(CONTENDERS)
    engine(seconds)  # builds
    for _ in range(rounds):
        for contender in order:
            for what, figure in CONTENDERS[contender](seconds).items():
                figures[contender].setdefault(what, []).append(figure)
        order.append(order.pop(0))
    return figures


def rounded(figure):
    return f"{figure / 1e6:.2f} M" if figure >= 1e6 else f"{figure / 1e3:.1f} k"


def report(figures):
    ours = figures.pop("T.A.R.S.")
    print("| steps per second | T.A.R.S., one core | instead | steps/s | ratio | lowest – highest round |")
    print("|---|---|---|---|---|---|")
    for peer, theirs in figures.items():
        for what, peer_figures in theirs.items():
            ratios = [mine / its for mine, its in zip(ours[what], peer_figures)]
            mine, its = statistics.median(ours[what]), statistics.median(peer_figures)
            span = f"{min(ratios):.0f} – {max(ratios):.0f}"
            print(f"| {what} | {rounded(mine)} | {peer} | {rounded(its)} | {mine / its:.0f}× | {span} |")


def machine():
    models = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    packages = ["stable-baselines3", "torch", "gymnasium", "envpool"]
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return f"{models[0]}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=0.5, help="per contender, task and round")
    arguments = arguments.parse_args()
    torch.set_num_threads(1)
    before = os.getloadavg()[0]
    figures = measure(arguments.rounds, arguments.seconds)
    print(f"{machine()}. Load average {before:.1f} before, {os.getloadavg()[0]:.1f} after {arguments.rounds} rounds.\n")
    report(figures)


if __name__ == "__main__":
    main()
