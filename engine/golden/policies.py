"""Writes the policy fixtures and what Stable-Baselines3 itself computes from them.

    pip install -r requirements-sb3.txt
    python policies.py          # writes ./policies/

Every network gets random weights from a fixed seed: the fixtures are about reading and arithmetic, not skill.
For each fixture NAME there are NAME.zip (`model.save`), NAME.safetensors (the same state dict, so a reader can be
compared bit for bit) and an entry in outputs.json:

    algorithm     DQN, A2C, PPO or DDPG
    activation    tanh or relu
    head          values, logits, gaussian or squashed
    hidden        widths of the policy's hidden layers
    normalizer    file name of the VecNormalize that every observation goes through first, or null
    action_space  {"n": 3} or {"low": [...], "high": [...]}
    observations  raw observations, [cases][dimensions] (exact f32 values)
    outputs       the last layer's outputs (q-values, logits, mean, or the actor before its tanh), [cases][outputs]
    actions       model.predict(observation, deterministic=True): an index, or the vector that goes to env.step

normalizers.json holds, per VecNormalize file, its numbers and some observations before and after.
refused/ holds genuine saves that the engine must refuse, because a plain MLP would compute something else.
"""

import json
import pickle
import zipfile
from pathlib import Path

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from safetensors.torch import save_file
from stable_baselines3 import A2C, DDPG, DQN, PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize
from torch import nn

HERE = Path(__file__).parent / "policies"
CASES = 16
NAMES = {nn.Tanh: "tanh", nn.ReLU: "relu"}


class Fake(gymnasium.Env):
    """An environment that only has spaces."""

    def __init__(self, observation_space, action_space):
        self.observation_space = observation_space
        self.action_space = action_space

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        return self.observation_space.sample(), 0.0, False, False, {}


def box(*bounds):
    low, high = zip(*bounds)
    return spaces.Box(np.float32(low), np.float32(high), dtype=np.float32)


def two_joints():
    """Two actions with unequal, asymmetric bounds, which a single symmetric action would not test."""
    return Fake(box((-1, 1), (-2, 2), (-3, 3)), box((-2, 1), (0.5, 3)))


# name, algorithm, environment, policy_kwargs, model kwargs
FIXTURES = [
    ("dqn-cartpole", DQN, "CartPole-v1", dict(net_arch=[8]), {}),
    ("dqn-acrobot-tanh", DQN, "Acrobot-v1", dict(net_arch=[16, 16, 16], activation_fn=nn.Tanh), {}),
    ("dqn-mountaincar-linear", DQN, "MountainCar-v0", dict(net_arch=[]), {}),
    ("a2c-cartpole", A2C, "CartPole-v1", dict(net_arch=[8, 8]), {}),
    ("a2c-two-joints-relu", A2C, two_joints, dict(net_arch=[16], activation_fn=nn.ReLU), {}),
    ("a2c-pendulum-gsde", A2C, "Pendulum-v1", dict(net_arch=[8]), dict(use_sde=True)),
    ("ppo-cartpole-default", PPO, "CartPole-v1", None, {}),
    ("ppo-acrobot-relu", PPO, "Acrobot-v1", dict(net_arch=[16, 16, 16], activation_fn=nn.ReLU), {}),
    ("ppo-mountaincar-separate", PPO, "MountainCar-v0", dict(net_arch=dict(pi=[5, 7], vf=[4])), {}),
    ("ppo-cartpole-linear", PPO, "CartPole-v1", dict(net_arch=[]), {}),
    ("ppo-pendulum", PPO, "Pendulum-v1", dict(net_arch=[8, 8]), {}),
    ("ppo-pendulum-normalized", PPO, "Pendulum-v1", dict(net_arch=[8, 8]), {}),
    ("ppo-two-joints", PPO, two_joints, dict(net_arch=[16, 8]), {}),
    ("ddpg-pendulum", DDPG, "Pendulum-v1", dict(net_arch=[16, 12]), {}),
    ("ddpg-mountaincar-continuous-tanh", DDPG, "MountainCarContinuous-v0", dict(net_arch=[8], activation_fn=nn.Tanh), {}),
    ("ddpg-two-joints", DDPG, two_joints, dict(net_arch=[16, 16, 16]), {}),
]
DEFAULT_ACTIVATION = {DQN: nn.ReLU, A2C: nn.Tanh, PPO: nn.Tanh, DDPG: nn.ReLU}


def build(algorithm, environment, policy_kwargs, kwargs, policy="MlpPolicy"):
    if algorithm in (DQN, DDPG):
        kwargs = dict(kwargs, buffer_size=10)
    policy_kwargs = policy_kwargs and dict(policy_kwargs)  # the off-policy algorithms write into theirs
    return algorithm(policy, environment, policy_kwargs=policy_kwargs, seed=0, device="cpu", **kwargs)


def scramble(model, seed):
    """Gives every parameter, biases too, a value that matters."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.policy.parameters():
            fan_in = parameter.shape[-1] if parameter.dim() > 1 else 4
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * (1.5 / fan_in**0.5))


def observe(environment, seed):
    """Observations across the space; unbounded dimensions are drawn from a normal distribution."""
    environment.observation_space.seed(seed)
    return np.stack([environment.observation_space.sample() for _ in range(CASES)]).clip(-8, 8)


def raw_outputs(model, observations):
    policy, inputs = model.policy, torch.as_tensor(observations)
    with torch.no_grad():
        if isinstance(model, DQN):
            return policy.q_net(inputs)
        if isinstance(model, DDPG):
            return policy.actor.mu[:-1](inputs)  # without the final tanh
        return policy.action_net(policy.mlp_extractor.forward_actor(inputs))


def head_of(model):
    if isinstance(model, DQN):
        return "values"
    if isinstance(model, DDPG):
        return "squashed"
    return "gaussian" if isinstance(model.action_space, spaces.Box) else "logits"


def assert_decided(outputs, name):
    """A tie would make the golden action depend on rounding."""
    best = np.sort(outputs, axis=1)
    assert (best[:, -1] - best[:, -2]).min() > 1e-4, name


def fixture(seed, name, algorithm, make, policy_kwargs, kwargs, normalizer):
    environment = gymnasium.make(make) if isinstance(make, str) else make()
    model = build(algorithm, environment, policy_kwargs, kwargs)
    scramble(model, seed)
    if algorithm is DQN:
        model.exploration_rate = 0.04 + seed / 100
    model.save(HERE / f"{name}.zip")
    activation = NAMES[(policy_kwargs or {}).get("activation_fn", DEFAULT_ACTIVATION[algorithm])]
    metadata = {"activation": activation}
    if kwargs.get("use_sde"):
        metadata["squash_output"] = "false"
    if algorithm is DQN:
        metadata["exploration_rate"] = str(model.exploration_rate)
    # DQN's and DDPG's target networks start as copies; safetensors wants each tensor to own its memory.
    state = {key: value.clone() for key, value in model.policy.state_dict().items()}
    save_file(state, HERE / f"{name}.safetensors", metadata)

    observations = observe(environment, seed)
    network_inputs = normalizer.normalize_obs(observations) if normalizer else observations
    outputs = raw_outputs(model, network_inputs.astype(np.float32)).numpy()
    actions, _ = model.predict(network_inputs, deterministic=True)
    if isinstance(environment.action_space, spaces.Discrete):
        assert_decided(outputs, name)
        action_space = {"n": int(environment.action_space.n)}
    else:
        action_space = {"low": environment.action_space.low.tolist(), "high": environment.action_space.high.tolist()}
    hidden = model.policy.net_arch if policy_kwargs or algorithm in (DQN, DDPG) else [64, 64]
    return dict(
        algorithm=algorithm.__name__,
        activation=activation,
        head=head_of(model),
        hidden=hidden["pi"] if isinstance(hidden, dict) else hidden,
        normalizer="vecnormalize-pendulum.pkl" if normalizer else None,
        action_space=action_space,
        observations=observations.tolist(),
        outputs=outputs.tolist(),
        actions=actions.tolist(),
    )


def vec_normalize(make, **kwargs):
    """A VecNormalize whose statistics come from real steps."""
    environment = VecNormalize(DummyVecEnv([make]), **kwargs)
    environment.seed(0)
    environment.reset()
    environment.action_space.seed(0)
    for _ in range(200):
        environment.step(np.stack([environment.action_space.sample()]))
    return environment


def normalizers():
    pendulum = lambda: gymnasium.make("Pendulum-v1")
    cases = {
        "vecnormalize-pendulum.pkl": vec_normalize(pendulum, clip_obs=2.0),
        "vecnormalize-cartpole.pkl": vec_normalize(lambda: gymnasium.make("CartPole-v1"), epsilon=1e-4),
    }
    golden = {}
    for name, environment in cases.items():
        environment.save(HERE / name)
        observations = observe(environment, 7)
        golden[name] = dict(
            mean=environment.obs_rms.mean.tolist(),
            var=environment.obs_rms.var.tolist(),
            epsilon=environment.epsilon,
            clip=environment.clip_obs,
            observations=observations.tolist(),
            normalized=environment.normalize_obs(observations).astype(np.float32).tolist(),
        )
    first = cases["vecnormalize-pendulum.pkl"]
    for protocol in (2, 3, 5):
        (HERE / f"vecnormalize-pendulum-protocol{protocol}.pkl").write_bytes(pickle.dumps(first, protocol))
    vec_normalize(pendulum, norm_obs=False).save(HERE / "vecnormalize-rewards-only.pkl")
    (HERE / "normalizers.json").write_text(json.dumps(golden, indent=1) + "\n")
    return first


def deflate_zeros(model, path):
    """Saves a large network small: its weights play no part in the refusal."""
    with torch.no_grad():
        for parameter in model.policy.parameters():
            parameter.zero_()
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def refused():
    target = HERE / "refused"
    target.mkdir(exist_ok=True)
    small = dict(net_arch=[4])
    plain = box((-1, 1), (-1, 1))
    dictionary = spaces.Dict({"a": plain, "b": plain})
    discrete = spaces.Discrete(2)
    image = spaces.Box(0, 255, (36, 36, 1), dtype=np.uint8)
    cases = {
        "ppo-dict-observation": build(PPO, Fake(dictionary, discrete), small, {}, "MultiInputPolicy"),
        "ppo-discrete-observation": build(PPO, Fake(spaces.Discrete(3), discrete), small, {}),
        "ppo-multi-discrete": build(PPO, Fake(plain, spaces.MultiDiscrete([2, 3])), small, {}),
        "a2c-multi-binary": build(A2C, Fake(plain, spaces.MultiBinary(3)), small, {}),
        "ppo-cnn": build(
            PPO,
            Fake(image, discrete),
            dict(small, features_extractor_kwargs=dict(features_dim=2)),
            {},
            "CnnPolicy",
        ),
    }
    for name, model in cases.items():
        model.save(target / f"{name}.zip")
    deflate_zeros(cases["ppo-cnn"], target / "ppo-cnn.zip")
    vec_normalize(lambda: Fake(dictionary, discrete), norm_obs_keys=["a"]).save(target / "vecnormalize-dict.pkl")
    vec_normalize(lambda: Fake(spaces.Box(-1, 1, (2, 2)), discrete)).save(target / "vecnormalize-matrix.pkl")


def main():
    torch.set_num_threads(1)
    HERE.mkdir(exist_ok=True)
    normalizer = normalizers()
    outputs = {}
    for seed, (name, algorithm, make, policy_kwargs, kwargs) in enumerate(FIXTURES):
        outputs[name] = fixture(
            seed, name, algorithm, make, policy_kwargs, kwargs, normalizer if name.endswith("normalized") else None
        )
    (HERE / "outputs.json").write_text(json.dumps(outputs, indent=1) + "\n")
    refused()


if __name__ == "__main__":
    main()
