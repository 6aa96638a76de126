"""Every algorithm of Stable-Baselines3 and sb3-contrib that an MLP policy describes, and every activation of torch."""

import gymnasium
import numpy as np
from sb3_contrib import ARS, QRDQN, TQC, TRPO, CrossQ, MaskablePPO
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from activations import FUNCTIONS
from policies import vec_normalize
from saving import HERE, build, entry, randomize, sampling, save

SMALL = dict(net_arch=[16, 16])
TINY = dict(net_arch=[8])
PENDULUM, CARTPOLE, CAR, ACROBOT = "Pendulum-v1", "CartPole-v1", "MountainCar-v0", "Acrobot-v1"
CONTINUOUS_CAR = "MountainCarContinuous-v0"
SQUASHED = dict(TINY, squash_output=True)

# file, algorithm, environment, policy_kwargs, model kwargs, policy
ALGORITHMS = [
    ("sac-pendulum", SAC, PENDULUM, SMALL, {}),
    ("sac-mountaincar-continuous", SAC, CONTINUOUS_CAR, TINY, {}),
    ("sac-gsde", SAC, PENDULUM, TINY, dict(use_sde=True)),
    ("sac-gsde-unclipped", SAC, PENDULUM, dict(TINY, clip_mean=0.0, use_expln=True), dict(use_sde=True)),
    ("sac-three-critics", SAC, PENDULUM, dict(net_arch=dict(pi=[8, 6], qf=[5]), n_critics=3), {}),
    ("sac-fixed-entropy", SAC, PENDULUM, dict(TINY, share_features_extractor=True), dict(ent_coef=0.1)),
    ("td3-pendulum", TD3, PENDULUM, SMALL, {}),
    ("td3-mountaincar-continuous", TD3, CONTINUOUS_CAR, TINY, {}),
    ("tqc-pendulum", TQC, PENDULUM, SMALL, {}),
    ("tqc-gsde", TQC, PENDULUM, TINY, dict(use_sde=True)),
    ("crossq-pendulum", CrossQ, PENDULUM, SMALL, {}),
    ("crossq-gsde", CrossQ, PENDULUM, TINY, dict(use_sde=True)),
    ("crossq-eps", CrossQ, PENDULUM, dict(TINY, batch_norm_eps=0.1), {}),
    ("crossq-without-batch-norm", CrossQ, PENDULUM, dict(TINY, batch_norm=False), {}),
    ("qrdqn-cartpole", QRDQN, CARTPOLE, dict(TINY, n_quantiles=10), {}),
    ("qrdqn-mountaincar", QRDQN, CAR, dict(TINY, n_quantiles=25), {}),
    ("qrdqn-acrobot", QRDQN, ACROBOT, dict(net_arch=[4]), {}),
    ("trpo-cartpole", TRPO, CARTPOLE, SMALL, {}),
    ("trpo-pendulum", TRPO, PENDULUM, TINY, {}),
    ("ars-linear-cartpole", ARS, CARTPOLE, None, {}, "LinearPolicy"),
    ("ars-linear-pendulum", ARS, PENDULUM, None, {}, "LinearPolicy"),
    ("ars-linear-bias-squashed", ARS, PENDULUM, dict(with_bias=True, squash_output=True), {}, "LinearPolicy"),
    ("ars-cartpole", ARS, CARTPOLE, TINY, {}),
    ("ars-pendulum", ARS, PENDULUM, TINY, {}),
    ("ars-pendulum-clipped", ARS, PENDULUM, dict(TINY, squash_output=False), {}),
    ("ars-without-bias", ARS, CARTPOLE, dict(TINY, with_bias=False), {}),
    ("maskableppo-cartpole", MaskablePPO, CARTPOLE, SMALL, {}),
    ("maskableppo-acrobot", MaskablePPO, ACROBOT, TINY, {}),
    ("ppo-gsde-squashed", PPO, PENDULUM, SQUASHED, dict(use_sde=True)),
    ("ppo-gsde-squashed-car", PPO, CONTINUOUS_CAR, SQUASHED, dict(use_sde=True)),
    ("ppo-gsde-expln", PPO, PENDULUM, dict(TINY, use_expln=True), dict(use_sde=True)),
    ("a2c-gsde", A2C, PENDULUM, TINY, dict(use_sde=True)),
    ("a2c-gsde-column", A2C, PENDULUM, dict(TINY, full_std=False), dict(use_sde=True)),
]
SAMPLED = ("sac", "tqc", "crossq", "ppo-gsde", "a2c-gsde", "trpo-pendulum")


def describe(algorithm, policy, policy_kwargs, kwargs):
    said = {**({"policy": policy} if policy != "MlpPolicy" else {}), **(policy_kwargs or {}), **kwargs}
    details = ", ".join(f"{key}={getattr(value, '__name__', value)}" for key, value in said.items())
    return f"{algorithm.__name__}({details}) trained for a moment, then given random weights."


def algorithms():
    entries = {}
    for name, algorithm, env, policy_kwargs, kwargs, *policy in ALGORITHMS:
        policy = policy[0] if policy else "MlpPolicy"
        environment = gymnasium.make(env)
        model = build(algorithm, environment, policy_kwargs, policy, **kwargs)
        found = randomize(model, gymnasium.make(env), name)
        if name.startswith(SAMPLED):
            found["sampling"] = sampling(model, np.float32(found["observations"]))
        save(model, f"{name}.zip", found)
        made = describe(algorithm, policy, policy_kwargs, kwargs)
        entries[f"{name}.zip"] = entry(made, algorithm.__name__.upper(), env, found)
        print(name, found["mean"], [steps for _, steps in found["episodes"]], flush=True)
    return entries | normalized()


def normalized():
    """A save with the VecNormalize that it was trained under, and without which it means nothing."""
    entries = {}
    for name, algorithm, env in [("sac-normalized", SAC, PENDULUM), ("ppo-normalized-car", PPO, CONTINUOUS_CAR)]:
        statistics = vec_normalize(lambda: gymnasium.make(env), clip_obs=5.0)
        statistics.save(HERE / f"{name}.pkl")
        model = build(algorithm, VecNormalize(DummyVecEnv([lambda: gymnasium.make(env)])), TINY)
        found = randomize(model, gymnasium.make(env), name, normalizer=statistics)
        save(model, f"{name}.zip")
        entries[f"{name}.zip"] = entry(
            f"{algorithm.__name__} under VecNormalize; its statistics are those of 200 random steps.",
            algorithm.__name__,
            env,
            found,
            vec_normalize=f"{name}.pkl",
        )
    return entries


def activations():
    entries = {}
    for index, function in enumerate(FUNCTIONS):
        name = f"activation-{function.__name__.lower()}"
        algorithm, env = [(PPO, "CartPole-v1"), (DQN, "Acrobot-v1")][index % 2]
        model = build(algorithm, gymnasium.make(env), dict(net_arch=[8, 8], activation_fn=function))
        found = randomize(model, gymnasium.make(env), name)
        save(model, f"{name}.zip", found)
        made = f"{algorithm.__name__} with activation_fn=torch.nn.{function.__name__}."
        entries[f"{name}.zip"] = entry(made, algorithm.__name__, env, found)
        print(name, [steps for _, steps in found["episodes"]], flush=True)
    return entries
