"""Weights in other number types, and saves of other times."""

import io

import gymnasium
import torch
from stable_baselines3 import A2C, DQN, PPO, SAC
from torch import nn

from saving import (
    HERE,
    act_with,
    assert_reads_back,
    build,
    entry,
    measure,
    members_of,
    numbers,
    plain,
    randomize,
    raw_outputs,
    save,
    scramble_for,
    search,
    sequential,
    torch_bytes,
    write_zip,
)

CARTPOLE, PENDULUM = "CartPole-v1", "Pendulum-v1"
TINY = dict(net_arch=[8])


def number_types():
    """Weights as float64, float16 or bfloat16. SB3 builds an f32 policy on load and casts them into it."""
    entries = {}
    for name, algorithm, env, dtype in [
        ("ppo-float64", PPO, CARTPOLE, torch.float64),
        ("sac-float64", SAC, PENDULUM, torch.float64),
        ("dqn-float16", DQN, CARTPOLE, torch.float16),
        ("ppo-bfloat16", PPO, PENDULUM, torch.bfloat16),
    ]:
        environment = gymnasium.make(env)
        model = build(algorithm, gymnasium.make(env), TINY)

        def change(seed):
            scramble_for(environment, model, seed)
            model.policy.to(dtype).float()  # only weights that the type has

        found = search(change, lambda seed: numbers(environment, act_with(model), raw_outputs(model), seed), name)
        model.policy.to(dtype)
        if dtype is torch.float64:
            with torch.no_grad():
                for parameter in model.policy.parameters():
                    parameter.mul_(1 + 1e-9)  # less than half an f32 step: rounds to what it was
        save(model, f"{name}.zip", found)
        made = f"{algorithm.__name__}, policy.to({dtype}) before save."
        entries[f"{name}.zip"] = entry(made, algorithm.__name__, env, found)
    return entries


def old_torch():
    """What torch wrote before 1.6, and still does on demand: pickles in a row instead of a zip."""
    entries = {}
    for name, algorithm in [("old-torch-dqn", DQN), ("old-torch-ppo", PPO)]:
        model = build(algorithm, gymnasium.make(CARTPOLE), TINY)
        found = randomize(model, gymnasium.make(CARTPOLE), name)
        path = save(model, f"{name}.zip")
        members = members_of(path)
        for member in members:
            if member.endswith(".pth"):
                content = torch.load(io.BytesIO(members[member]), weights_only=False)
                members[member] = torch_bytes(content, _use_new_zipfile_serialization=False)
        write_zip(path, members)
        assert_reads_back(algorithm.load(path, device="cpu"), found, name)
        made = f"{algorithm.__name__} whose .pth members are in torch's format before 1.6."
        entries[f"{name}.zip"] = entry(made, algorithm.__name__, CARTPOLE, found)

        bare = HERE / f"{name}.pth"
        bare.write_bytes(torch_bytes(model.policy.state_dict(), _use_new_zipfile_serialization=False))
        made = f"torch.save({algorithm.__name__}'s policy.state_dict()) in torch's format before 1.6."
        options = dict(activation="tanh" if algorithm is PPO else "relu")
        entries[bare.name] = entry(made, None, CARTPOLE, found, options, "activation", trained_by=algorithm.__name__)
    return entries


def of_1_7():
    """What the saves of SB3 1.7.0 (sb3_1_7.py) give. SB3 2 has no shared networks: those are computed with torch."""
    entries = {}
    for name, algorithm, env, activation in [
        ("sb3-1.7-ppo-shared", PPO, CARTPOLE, nn.ReLU),
        ("sb3-1.7-a2c-shared-only", A2C, PENDULUM, nn.Tanh),
        ("sb3-1.7-dqn", DQN, CARTPOLE, nn.ReLU),
        ("sb3-1.7-sac", SAC, PENDULUM, nn.ReLU),
    ]:
        environment = gymnasium.make(env)
        state = torch.load(io.BytesIO(members_of(HERE / f"{name}.zip")["policy.pth"]))
        if algorithm in (DQN, SAC):
            model = build(algorithm, environment, TINY)
            model.policy.load_state_dict(state)
            found = measure(model, environment, name)
        else:
            network = sequential(
                state, "mlp_extractor.shared_net mlp_extractor.policy_net action_net".split(), activation
            )
            found = numbers(environment, *plain(network, environment.action_space))
            assert found, name
        made = f"{algorithm.__name__} of the real stable-baselines3 1.7.0"
        made += (
            " with layers shared by policy and value (net_arch=[16, dict(pi=[8], vf=[8])])." if "ppo" in name else ""
        )
        made += " with net_arch=[16, 8]: all its layers are shared." if "a2c" in name else ""
        entries[f"{name}.zip"] = entry(made.rstrip(".") + ".", algorithm.__name__, env, found)
    return entries


def types():
    return number_types() | old_torch() | of_1_7()
