"""The same policies in other containers: zips around a save, torch files of a policy alone, files that hold none."""

import gymnasium
import torch
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
from torch import nn

from saving import HERE, assert_reads_back, build, entry, members_of, randomize, save, scramble_for, write_zip

CARTPOLE, PENDULUM = "CartPole-v1", "Pendulum-v1"
TINY = dict(net_arch=[8])
RELU = dict(net_arch=[8, 6], activation_fn=nn.ReLU)
README = b"---\nlibrary_name: stable-baselines3\ntags:\n- CartPole-v1\n---\n\n# PPO agent playing CartPole-v1\n"


def zips():
    model = build(PPO, gymnasium.make(CARTPOLE), RELU)
    found = randomize(model, gymnasium.make(CARTPOLE), "zips")
    inner = save(model, "inner.zip", found)
    content, members = inner.read_bytes(), members_of(inner)
    scramble_for(gymnasium.make(CARTPOLE), model, 1)
    other = save(model, "inner.zip").read_bytes()
    inner.unlink()

    folder = {f"ppo-CartPole-v1/{name}": member for name, member in members.items()}
    forks = {f"__MACOSX/ppo-CartPole-v1/._{name}": b"\0\x05\x16\x07\0\x02\0\0Mac OS X        " for name in members}
    hub = {
        ".gitattributes": b"*.zip filter=lfs diff=lfs merge=lfs -text\n",
        "README.md": README,
        "config.json": b"{}\n",
    }
    hub |= {
        "results.json": b'{"mean_reward": 1.0, "std_reward": 0.0}\n',
        "replay.mp4": b"\0\0\0\x20ftypisom" + bytes(64),
    }
    in_repository = {f"repository-main/{name}": member for name, member in hub.items()}
    said = "A PPO save"
    cases = [
        ("folder", {"ppo-CartPole-v1/": b"", **folder}, f"{said} zipped again within its folder (SB3 #441).", None),
        ("folder-macos", folder | forks, f"{said} zipped again within its folder by macOS, which adds __MACOSX.", None),
        ("zip-in-zip", {"ppo-CartPole-v1.zip": content}, f"{said} zipped once more, as a whole.", None),
        (
            *("repository", in_repository | {"repository-main/ppo-CartPole-v1.zip": content}),
            *(f"{said} among the other files of a repository that was downloaded as a zip.", None),
        ),
        (
            "repository-hub",
            hub | {"ppo-CartPole-v1.zip": content} | folder,
            f"As huggingface_sb3's package_to_hub lays it out: a{said[1:]}, and the same unpacked beside it.",
            None,
        ),
        (
            *(
                "repository-two",
                in_repository | {"repository-main/first.zip": content, "repository-main/second.zip": other},
            ),
            *("A repository with two saves of different weights.", "ambiguous"),
        ),
        ("repository-none", in_repository, "A repository's zip without any save in it.", "no_policy"),
    ]
    entries = {}
    for name, files, made, because in cases:
        write_zip(HERE / f"{name}.zip", files)
        entries[f"{name}.zip"] = entry(
            made, None if because else "PPO", CARTPOLE, None if because else found, {}, because
        )
    return entries


def torch_files():
    """`policy.save` and `torch.save(policy.state_dict())`: there is no word about the algorithm in either."""
    entries = {}
    cases = [
        (PPO, CARTPOLE, RELU, "relu"),
        (A2C, PENDULUM, TINY, "tanh"),
        (DQN, CARTPOLE, dict(TINY, activation_fn=nn.Tanh), "tanh"),
        (SAC, PENDULUM, dict(TINY, activation_fn=nn.ELU), "elu"),
        (TD3, PENDULUM, TINY, "relu"),
    ]
    for algorithm, env, policy_kwargs, activation in cases:
        name = algorithm.__name__
        model = build(algorithm, gymnasium.make(env), policy_kwargs)
        found = randomize(model, gymnasium.make(env), f"torch-{name}")
        path = HERE / f"policy-{name.lower()}.pth"
        model.policy.save(path)
        assert_reads_back(type(model.policy).load(path), found, path.name)
        made = f"model.policy.save() of a {name}: a dict of state_dict and data."
        # The class stands nowhere, so that it is the library's has to be said.
        trust = dict(trust_architecture=True)
        entries[path.name] = entry(made, None, env, found, trust, "policy_class", trained_by=name)

        path = HERE / f"state-dict-{name.lower()}.{'pt' if algorithm in (A2C, DQN) else 'pth'}"
        torch.save(model.policy.state_dict(), path)
        made = f"torch.save(model.policy.state_dict()) of a {name}."
        entries[path.name] = entry(made, None, env, found, dict(activation=activation), "activation", trained_by=name)
    return entries


def no_policies():
    """Files that people upload in place of a policy."""
    pointer = "version https://git-lfs.github.com/spec/v1\n"
    pointer += f"oid sha256:{'4d7a2146' * 8}\nsize 142365\n"
    (HERE / "lfs-pointer.zip").write_text(pointer)
    model = build(PPO, gymnasium.make(CARTPOLE), dict(net_arch=[4]))
    torch.save(model.policy, HERE / "whole-policy.pth")
    torch.save(model.policy.optimizer.state_dict(), HERE / "optimizer.pth")
    env = CARTPOLE
    return {
        "lfs-pointer.zip": entry("The pointer that git leaves without git-lfs.", None, env, because="lfs_pointer"),
        "whole-policy.pth": entry(
            "torch.save(model.policy): a pickled object, not tensors.", None, env, because="pickle"
        ),
        "optimizer.pth": entry("A save's policy.optimizer.pth alone.", None, env, because="no_policy"),
    }


def containers():
    return zips() | torch_files() | no_policies()
