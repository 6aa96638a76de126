"""Trains the example policies and records what Stable-Baselines3 itself measures for them.

    pip install -r ../../engine/golden/requirements-sb3.txt
    python train.py             # all of them, about ten minutes on one core
    python train.py NAME ...    # only these

Each policy trains in chunks until its mean return over 20 selection seeds lies in the wanted range. measured.json then
gets 100 deterministic episodes, episode i reset with seed i, as the engine runs them: the returns, one by one, are
the end-to-end golden values.
"""

import json
import sys
from pathlib import Path

import gymnasium
import numpy as np
import torch
from safetensors.torch import save_file
from stable_baselines3 import A2C, DDPG, DQN, PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize
from torch import nn

HERE = Path(__file__).parent
MEASURED = HERE / "measured.json"
SELECTION_SEEDS = range(1000, 1020)
MEASURED_SEEDS = range(100)
NET = dict(net_arch=[64, 64])

# Hyperparameters follow rl-baselines3-zoo where it has them, with 64-64 networks throughout.
CARTPOLE_PPO = dict(n_steps=32, batch_size=256, n_epochs=20, gae_lambda=0.8, gamma=0.98, learning_rate=1e-3)
POLICIES = {
    "cartpole-ppo": dict(
        algorithm=PPO, environment="CartPole-v1", n_envs=8, chunk=5_000, limit=150_000, wanted=(500, 500), kwargs=CARTPOLE_PPO
    ),
    "cartpole-ppo-regressed": dict(
        algorithm=PPO, environment="CartPole-v1", n_envs=8, chunk=1_024, limit=60_000, wanted=(170, 280), kwargs=CARTPOLE_PPO
    ),
    "cartpole-a2c": dict(algorithm=A2C, environment="CartPole-v1", n_envs=8, chunk=25_000, limit=500_000, wanted=(500, 500)),
    "cartpole-dqn": dict(
        algorithm=DQN,
        environment="CartPole-v1",
        chunk=5_000,
        limit=150_000,
        wanted=(495, 500),
        policy_kwargs=NET,
        kwargs=dict(
            learning_rate=2.3e-3,
            batch_size=64,
            buffer_size=100_000,
            learning_starts=1_000,
            target_update_interval=10,
            train_freq=256,
            gradient_steps=128,
            exploration_fraction=0.16,
            exploration_final_eps=0.04,
        ),
    ),
    "mountaincar-dqn": dict(
        algorithm=DQN,
        environment="MountainCar-v0",
        chunk=2_500,
        limit=240_000,
        wanted=(-120, 0),
        policy_kwargs=NET,
        kwargs=dict(
            learning_rate=1e-3,
            batch_size=128,
            buffer_size=50_000,
            learning_starts=1_000,
            gamma=0.98,
            target_update_interval=600,
            train_freq=16,
            gradient_steps=8,
            exploration_fraction=0.2,
            exploration_final_eps=0.07,
        ),
    ),
    "acrobot-ppo": dict(
        algorithm=PPO,
        environment="Acrobot-v1",
        n_envs=16,
        chunk=40_960,
        limit=600_000,
        wanted=(-90, 0),
        kwargs=dict(n_steps=256, gae_lambda=0.94, n_epochs=4),
    ),
    "pendulum-ddpg": dict(
        algorithm=DDPG,
        environment="Pendulum-v1",
        chunk=2_500,
        limit=40_000,
        wanted=(-170, 0),
        policy_kwargs=NET,
        kwargs=dict(gamma=0.98, learning_rate=1e-3, buffer_size=200_000, learning_starts=5_000, train_freq=1, gradient_steps=1),
        noise=0.1,
    ),
    "pendulum-ppo-normalized": dict(
        algorithm=PPO,
        environment="Pendulum-v1",
        n_envs=4,
        chunk=20_480,
        limit=400_000,
        wanted=(-250, 0),
        normalize=True,
        kwargs=dict(n_steps=1024, gamma=0.9, gae_lambda=0.95, n_epochs=10, learning_rate=1e-3),
    ),
}


def episodes(model, environment, normalizer, seeds):
    """Deterministic episodes, each reset with its own seed: returns and lengths."""
    returns, lengths = [], []
    for seed in seeds:
        observation, _ = environment.reset(seed=seed)
        total, steps, over = 0.0, 0, False
        while not over:
            if normalizer:
                observation = normalizer.normalize_obs(observation)
            action, _ = model.predict(observation, deterministic=True)
            observation, reward, terminated, truncated, _ = environment.step(action)
            total += float(reward)
            steps += 1
            over = terminated or truncated
        returns.append(total)
        lengths.append(steps)
    return returns, lengths


def train(name, algorithm, environment, chunk, limit, wanted, n_envs=1, policy_kwargs=None, kwargs=None, noise=None, normalize=False):
    training = make_vec_env(environment, n_envs=n_envs, seed=0)
    if normalize:
        training = VecNormalize(training, gamma=kwargs["gamma"])
    kwargs, policy_kwargs = dict(kwargs or {}), policy_kwargs and dict(policy_kwargs)  # the models write into theirs
    if noise:
        kwargs["action_noise"] = NormalActionNoise(np.zeros(1), noise * np.ones(1))
    model = algorithm("MlpPolicy", training, policy_kwargs=policy_kwargs, seed=0, device="cpu", **kwargs)
    if isinstance(model, DQN):
        # ε follows the progress towards the total; chunks of learn() would restart it each time.
        model.exploration_schedule = exploration(model, limit // 2)
    judge = gymnasium.make(environment)
    while model.num_timesteps < limit:
        model.learn(chunk, reset_num_timesteps=False)
        mean = np.mean(episodes(model, judge, training if normalize else None, SELECTION_SEEDS)[0])
        print(name, model.num_timesteps, mean, flush=True)
        if wanted[0] <= mean <= wanted[1]:
            break
    else:
        raise SystemExit(f"{name} did not reach {wanted}")
    model.save(HERE / f"{name}.zip", exclude=["exploration_schedule"])  # ours would drag the whole model in
    if normalize:
        training.save(HERE / f"{name}.pkl")
    return model.num_timesteps


def exploration(model, total):
    """DQN's own linear schedule of ε, over `total` steps instead of the steps of one learn() call."""
    fraction, final = model.exploration_fraction, model.exploration_final_eps
    return lambda _: max(final, 1 - (1 - final) * min(1, model.num_timesteps / (fraction * total)))


def measure(name, algorithm, environment, normalize=False, **_):
    model = algorithm.load(HERE / f"{name}.zip", device="cpu")
    normalizer = None
    if normalize:
        normalizer = VecNormalize.load(HERE / f"{name}.pkl", DummyVecEnv([lambda: gymnasium.make(environment)]))
        normalizer.training = False
    returns, lengths = episodes(model, gymnasium.make(environment), normalizer, MEASURED_SEEDS)
    return dict(
        file=f"{name}.zip",
        normalizer=f"{name}.pkl" if normalize else None,
        algorithm=algorithm.__name__,
        environment=environment,
        mean=float(np.mean(returns)),
        std=float(np.std(returns)),
        returns=returns,
        steps=lengths,
    )


def export_safetensors(model, path):
    """The state dict with SB3's own tensor names; the activation goes into the metadata."""
    state = {key: value.contiguous().clone() for key, value in model.policy.state_dict().items()}
    save_file(state, path, {"activation": "tanh"})


def export_mlp_json(model, path):
    """A Q-network as mlp-json."""
    network = model.policy.q_net.q_net
    layers = [
        {"weight": [[float(x) for x in row] for row in layer.weight.detach().numpy()], "bias": layer.bias.tolist()}
        for layer in network
        if isinstance(layer, nn.Linear)
    ]
    document = {
        "version": 1,
        "algorithm": "DQN",
        "head": "values",
        "activation": "relu",
        "layers": layers,
        "exploration_rate": model.exploration_rate,
    }
    path.write_text(json.dumps(document) + "\n")


def main(names):
    torch.set_num_threads(1)
    measured = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    for name in names or POLICIES:
        timesteps = train(name, **POLICIES[name])
        measured[name] = dict(measure(name, **POLICIES[name]), training_timesteps=timesteps)
        print(name, measured[name]["mean"], measured[name]["std"], flush=True)
        MEASURED.write_text(json.dumps(measured, indent=1) + "\n")
    export_safetensors(PPO.load(HERE / "cartpole-ppo.zip", device="cpu"), HERE / "cartpole-ppo.safetensors")
    if (HERE / "mountaincar-dqn.zip").exists():
        export_mlp_json(DQN.load(HERE / "mountaincar-dqn.zip", device="cpu"), HERE / "mountaincar-dqn.json")


if __name__ == "__main__":
    main(sys.argv[1:])
