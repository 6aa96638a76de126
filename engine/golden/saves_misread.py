"""Genuine saves that a careless reader takes for something else, and answers with wrong numbers."""

import math

import gymnasium
import numpy as np
import torch
from gymnasium import wrappers
from safetensors.torch import save_file
from stable_baselines3 import DDPG, DQN, PPO, SAC, TD3
from torch import nn

from saves_own import LAMBDA, PARTIAL, OneLayerPolicy, OwnReLU, OwnTanh, ReLUPolicy, Scale, ScalePolicy
from saving import HERE, act_with, build, entry, randomize, save

CARTPOLE, PENDULUM, CONTINUOUS_CAR = "CartPole-v1", "Pendulum-v1", "MountainCarContinuous-v0"
TINY = dict(net_arch=[8, 8])
RELU = dict(TINY, activation_fn=nn.ReLU)
TRUSTED = dict(activation="relu", trust_architecture=True)

# file, policy, policy_kwargs, options, because, how it was made
OWN_CODE = [
    (
        *("own-extractor", OneLayerPolicy, None, TRUSTED, "policy_class"),
        "PPO with SB3's documented custom network: a policy class with an mlp_extractor of its own (SB3 #1055, #481).",
    ),
    (
        *("own-policy-relu", ReLUPolicy, None, TRUSTED, "policy_class"),
        "PPO with a subclass of its policy that passes activation_fn and net_arch itself (hill-a #53, SB3 #717).",
    ),
    (
        *("own-policy-scale", ScalePolicy, TINY, {}, "policy_class"),
        "PPO with a subclass that sets a features extractor without weights, x / 4.8 (SB3 #614).",
    ),
    (
        *("own-features-scale", "MlpPolicy", dict(TINY, features_extractor_class=Scale), {}, "features_extractor"),
        "PPO with features_extractor_class = a class of one's own without weights, x / 4.8 (SB3 #614).",
    ),
    (
        *("own-activation-relu", "MlpPolicy", dict(TINY, activation_fn=OwnReLU), {}, "activation"),
        "PPO with activation_fn = <class '__main__.ReLU'>, which is clamp(x, 0, 1)**2 (SB3 #765, sbx #37).",
    ),
    (
        *("own-activation-tanh", "MlpPolicy", dict(TINY, activation_fn=OwnTanh), {}, "activation"),
        "PPO with activation_fn = <class '__main__.Tanh'>, which is 1.7159 tanh(2x/3) (SB3 #765).",
    ),
    (
        *("activation-lambda", "MlpPolicy", dict(TINY, activation_fn=LAMBDA), {}, "activation"),
        "PPO with activation_fn = lambda: LeakyReLU(0.2) (SB3 #765).",
    ),
    (
        *("activation-partial", "MlpPolicy", dict(TINY, activation_fn=PARTIAL), {}, "activation"),
        "PPO with activation_fn = partial(ELU, alpha=0.5) (SB3 #765).",
    ),
]


def own_code():
    entries = {}
    for name, policy, policy_kwargs, options, because, made in OWN_CODE:
        model = build(PPO, gymnasium.make(CARTPOLE), policy_kwargs, policy)
        found = randomize(model, gymnasium.make(CARTPOLE), name)
        save(model, f"{name}.zip", found)
        entries[f"{name}.zip"] = entry(made, "PPO", CARTPOLE, found, options, because)
    return entries


def rescaled_actions():
    """The save's action space is +-1, the environment's +-2. SB3 refuses to put the two together."""
    entries = {}
    for algorithm in (PPO, DDPG, SAC, TD3):
        name = f"rescale-action-{algorithm.__name__.lower()}"
        rescale = wrappers.RescaleAction(gymnasium.make(PENDULUM), -1.0, 1.0)
        model = build(algorithm, rescale, TINY)
        # Here an action is what the wrapper hands to the native environment.
        through = lambda act: lambda observation: np.asarray(rescale.func(act(observation)))
        found = randomize(model, gymnasium.make(PENDULUM), name, wrap=through)
        save(model, f"{name}.zip")
        predicted = [act_with(model)(observation).tolist() for observation in np.float32(found["observations"])]
        made = f"{algorithm.__name__} under RescaleAction(-1, 1): actions are the environment's, predicted the policy's"
        reports = "SB3 #830, cleanrl #211, l2rpn #53"
        entries[f"{name}.zip"] = entry(
            *(f"{made} ({reports}).", algorithm.__name__, PENDULUM, found, dict(rescale_actions=True), "action_space"),
            predicted=predicted,
        )
    return entries


def other_spaces():
    """Wrappers that change what the policy sees: the save's spaces are not the environment's."""
    cases = [
        (
            *("rescale-observation", CONTINUOUS_CAR, lambda env: wrappers.RescaleObservation(env, -1.0, 1.0)),
            "RescaleObservation(-1, 1) (cleanrl #425, #532)",
        ),
        (
            *("normalize-observation", CONTINUOUS_CAR, wrappers.NormalizeObservation),
            "NormalizeObservation, whose statistics are lost: nobody can say what is right (Gymnasium #256)",
        ),
        (
            *("frame-stack", CARTPOLE, lambda env: wrappers.FrameStackObservation(env, 2)),
            "FrameStackObservation(2)",
        ),
        ("time-aware", CARTPOLE, wrappers.TimeAwareObservation, "TimeAwareObservation"),
        ("discretized-action", PENDULUM, lambda env: wrappers.DiscretizeAction(env, 5), "DiscretizeAction(5)"),
    ]
    entries = {}
    for name, env, wrap, said in cases:
        environment = wrap(gymnasium.make(env))
        model = build(PPO, environment, TINY)
        found = {}
        if name != "normalize-observation":
            # Of these only the episodes are comparable: the observations are the wrapper's.
            found = {
                key: value for key, value in randomize(model, environment, name).items() if key in ("episodes", "mean")
            }
            said += "; episodes are under it"
        save(model, f"{name}.zip")
        because = "action_kind" if "action" in name else "observation_space"
        options = dict(rescale_observations=True) if name == "rescale-observation" else {}
        entries[f"{name}.zip"] = entry(f"PPO on {env} under gymnasium's {said}.", "PPO", env, found, options, because)
    return entries


def same_space():
    """A space that only differs in its number type is no other space: SB3 casts every observation to f32."""
    name, environment = "float64-observation", wrappers.DtypeObservation(gymnasium.make(CARTPOLE), np.float64)
    model = build(PPO, environment, TINY)
    found = randomize(model, gymnasium.make(CARTPOLE), name)
    save(model, f"{name}.zip", found)
    made = "PPO on CartPole-v1 under gymnasium's DtypeObservation(float64): the save's observation space is float64."
    return {f"{name}.zip": entry(made, "PPO", CARTPOLE, found)}


def bare_tensors():
    """`state_dict()` as safetensors, without metadata: the tensors do not tell the activation."""
    entries = {}
    for name, algorithm, env, activation in [
        ("bare-ppo-relu", PPO, CARTPOLE, nn.ReLU),
        ("bare-dqn-relu", DQN, CARTPOLE, nn.ReLU),
        ("bare-ddpg-tanh", DDPG, PENDULUM, nn.Tanh),
        ("bare-sac-elu", SAC, PENDULUM, nn.ELU),
    ]:
        model = build(algorithm, gymnasium.make(env), dict(TINY, activation_fn=activation))
        found = randomize(model, gymnasium.make(env), name)
        save_file(
            {key: value.clone() for key, value in model.policy.state_dict().items()}, HERE / f"{name}.safetensors"
        )
        entries[f"{name}.safetensors"] = entry(
            f"policy.state_dict() of a {algorithm.__name__} as bare safetensors (pytorch/rl #3617, SB3 #1852).",
            *(None, env, found, dict(activation=activation.__name__.lower()), "activation"),
            trained_by=algorithm.__name__,
        )
    return entries


def odd_numbers():
    """Python's JSON writes Infinity and NaN."""
    entries = {}
    for name, made, kwargs, attributes in [
        ("infinite-max-grad-norm", "PPO(max_grad_norm=inf).", dict(max_grad_norm=math.inf), {}),
        ("infinite-best-reward", "PPO with model.best_mean_reward = -inf.", {}, dict(best_mean_reward=-math.inf)),
        ("nan-in-data", "PPO with model.last_mean_reward = nan.", {}, dict(last_mean_reward=math.nan)),
    ]:
        model = build(PPO, gymnasium.make(CARTPOLE), RELU, **kwargs)
        for attribute, value in attributes.items():
            setattr(model, attribute, value)
        found = randomize(model, gymnasium.make(CARTPOLE), name)
        save(model, f"{name}.zip", found)
        entries[f"{name}.zip"] = entry(made, "PPO", CARTPOLE, found)
    return entries


def compiled():
    """torch.compile wraps a module lazily: only the names of its tensors change, and SB3 cannot load them."""
    entries = {}
    for name, compile_part, made in [
        ("compiled-policy", lambda model: setattr(model, "policy", torch.compile(model.policy)), "model.policy"),
        (
            "compiled-extractor",
            lambda model: setattr(model.policy, "mlp_extractor", torch.compile(model.policy.mlp_extractor)),
            "model.policy.mlp_extractor",
        ),
        ("compiled-q-net", lambda model: setattr(model.policy, "q_net", torch.compile(model.policy.q_net)), "q_net"),
    ]:
        algorithm = DQN if name == "compiled-q-net" else PPO
        model = build(algorithm, gymnasium.make(CARTPOLE), RELU)
        found = randomize(model, gymnasium.make(CARTPOLE), name)
        compile_part(model)
        save(model, f"{name}.zip")
        entries[f"{name}.zip"] = entry(
            f"{algorithm.__name__} after {made} = torch.compile({made}): keys with _orig_mod. (SB3 #1438, #2137).",
            *(algorithm.__name__, CARTPOLE, found),
        )
    return entries


def misread():
    odd = bare_tensors() | odd_numbers() | compiled()
    return own_code() | rescaled_actions() | other_spaces() | same_space() | odd
