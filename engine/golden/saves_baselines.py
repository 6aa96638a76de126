"""What training leaves beside a policy: evaluations.npz of an EvalCallback, monitor.csv of a Monitor."""

import itertools
from unittest.mock import patch

import gymnasium
import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common import monitor
from stable_baselines3.common.callbacks import EvalCallback

from saving import HERE


def evaluation(timestep, returns):
    return dict(timestep=int(timestep), mean=float(returns.mean()), std=float(returns.std()), n=len(returns))


def baselines():
    """Returns what a reader has to find in the two files; std is numpy's, without Bessel's correction."""
    clock = itertools.count(1_700_000_000)
    with patch.object(monitor.time, "time", lambda: next(clock)):
        train = monitor.Monitor(gymnasium.make("CartPole-v1"), str(HERE / "monitor.csv"), override_existing=True)
        test = monitor.Monitor(gymnasium.make("CartPole-v1"))
        test.reset(seed=0)
        model = PPO("MlpPolicy", train, n_steps=128, batch_size=32, learning_rate=1e-2, seed=2, device="cpu")
        callback = EvalCallback(test, log_path=HERE, eval_freq=256, n_eval_episodes=6, verbose=0)
        model.learn(2048, callback)
        train.close()

    with np.load(HERE / "evaluations.npz") as content:
        timesteps, results, lengths = content["timesteps"], content["results"], content["ep_lengths"]
    means = results.mean(axis=1)
    best = int(means.argmax())  # EvalCallback keeps the first of equals, too
    monitored = np.loadtxt(HERE / "monitor.csv", delimiter=",", skiprows=2)
    return {
        "baselines": {
            "evaluations.npz": dict(
                made="EvalCallback(eval_freq=256, n_eval_episodes=6) during PPO on CartPole-v1.",
                evaluations=len(timesteps),
                last=evaluation(timesteps[-1], results[-1]),
                best=evaluation(timesteps[best], results[best]),
                last_returns=results[-1].tolist(),
                best_returns=results[best].tolist(),
                last_lengths=lengths[-1].tolist(),
            ),
            "monitor.csv": dict(
                made="Monitor around the training environment of the same run, with a clock of whole seconds.",
                env="CartPole-v1",
                returns=monitored[:, 0].tolist(),
                lengths=monitored[:, 1].astype(int).tolist(),
            ),
        }
    }
