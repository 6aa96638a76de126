"""Saves of the usual algorithms that differ in one thing: an activation, a class of one's own, a wrapper, a type."""

import gymnasium
from activations import FUNCTIONS
from saving import build, entry, randomize, save
from stable_baselines3 import DQN, PPO


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
