"""Writes saves with the real stable-baselines3 1.7.0, the last that had networks shared by policy and value.

In an environment of its own, because 1.7.0 is older than Gymnasium; it asks for gym 0.21, which present-day setuptools
cannot build, and runs as well with 0.23.1:

    pip install --no-deps stable-baselines3==1.7.0 gym==0.23.1 && pip install -r requirements-sb3-1.7.txt
    python sb3_1_7.py                # writes four files into ./saves/

The files are committed; saves.py only computes what they give (scripts/golden does not run this one).
"""

import re
import zipfile
from pathlib import Path

import torch
from stable_baselines3 import A2C, DQN, PPO, SAC
from stable_baselines3.common import utils
from torch import nn

# 1.7 pickles closures (lr_schedule, clip_range) by value, and with them the file they came from.
utils.__file__ = "stable_baselines3/common/utils.py"

HERE = Path(__file__).parent / "saves"
SHARED = [16, dict(pi=[8], vf=[8])]
# file, algorithm, environment, policy_kwargs, seed of the weights (one that gives varied episodes)
SAVES = [
    ("sb3-1.7-ppo-shared", PPO, "CartPole-v1", dict(net_arch=SHARED, activation_fn=nn.ReLU), 11),
    ("sb3-1.7-a2c-shared-only", A2C, "Pendulum-v1", dict(net_arch=[16, 8]), 1),
    ("sb3-1.7-dqn", DQN, "CartPole-v1", dict(net_arch=[8]), 12),
    ("sb3-1.7-sac", SAC, "Pendulum-v1", dict(net_arch=[8]), 0),
]


def scramble(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.policy.parameters():
            fan_in = parameter.shape[-1] if parameter.dim() > 1 else 4
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * (1.5 / fan_in**0.5))


def main():
    torch.set_num_threads(1)
    for name, algorithm, env, policy_kwargs, seed in SAVES:
        kwargs = dict(n_steps=64, batch_size=32) if algorithm is PPO else {}
        if algorithm in (DQN, SAC):
            kwargs = dict(buffer_size=1000, learning_starts=64, batch_size=16)
        model = algorithm("MlpPolicy", env, policy_kwargs=dict(policy_kwargs), seed=0, device="cpu", **kwargs)
        model.learn(128)
        scramble(model, seed)
        model.start_time = 1_700_000_000_000_000_000
        for episode in model.ep_info_buffer:
            episode["t"] = 0.25
        path = HERE / f"{name}.zip"
        model.save(path)
        with zipfile.ZipFile(path) as archive:
            members = {member: archive.read(member) for member in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for member, content in members.items():
                info = zipfile.ZipInfo(member, (2026, 1, 1, 0, 0, 0))
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o600 << 16
                if member == "system_info.txt":
                    content = re.sub(rb"OS: .*", b"OS: Linux-6.1.0-x86_64-with-glibc2.36", content)
                archive.writestr(info, content)


if __name__ == "__main__":
    main()
