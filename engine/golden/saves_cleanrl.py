"""Files as CleanRL's scripts write them: torch files of its own small networks.

The classes here have the layers' names and shapes of CleanRL's scripts, so the tensors have the same names and order.
The actions are those of CleanRL's evaluation without its exploration: dqn and c51 take the argmax (they add 5 % random
actions), ppo and sac take the greedy action or the mean (they sample), ddpg and td3 add no noise.
"""

from types import SimpleNamespace

import gymnasium
import numpy as np
import torch
from torch import nn

from policies import vec_normalize
from saving import HERE, entry, numbers, scramble_for, search

CARTPOLE, PENDULUM, CONTINUOUS_CAR, ACROBOT = "CartPole-v1", "Pendulum-v1", "MountainCarContinuous-v0", "Acrobot-v1"


def layers(activation, *widths):
    modules = []
    for inputs, outputs in zip(widths, widths[1:]):
        modules += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*modules[:-1])


class QNetwork(nn.Module):
    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.network = layers(nn.ReLU, inputs, *hidden, outputs)

    def forward(self, x):
        return self.network(x)


class Categorical(nn.Module):
    """c51: a distribution over atoms per action; a q-value is its mean."""

    def __init__(self, inputs, hidden, actions, args):
        super().__init__()
        self.actions, self.n_atoms = actions, args["n_atoms"]
        self.register_buffer("atoms", torch.linspace(args["v_min"], args["v_max"], self.n_atoms))
        self.network = layers(nn.ReLU, inputs, *hidden, actions * self.n_atoms)

    def forward(self, x):
        logits = self.network(x).view(len(x), self.actions, self.n_atoms)
        return (torch.softmax(logits, dim=2) * self.atoms).sum(2)


class Agent(nn.Module):
    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.critic = layers(nn.Tanh, inputs, *hidden, 1)
        self.actor = layers(nn.Tanh, inputs, *hidden, outputs)

    def forward(self, x):
        return self.actor(x)


class ContinuousAgent(nn.Module):
    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.critic = layers(nn.Tanh, inputs, *hidden, 1)
        self.actor_mean = layers(nn.Tanh, inputs, *hidden, outputs)
        self.actor_logstd = nn.Parameter(torch.zeros(1, outputs))

    def forward(self, x):
        return self.actor_mean(x)


class Critic(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(inputs, hidden[0]), nn.Linear(*hidden), nn.Linear(hidden[1], 1)


class Actor(nn.Module):
    """ddpg, td3 and sac; forward gives what goes into the tanh."""

    def __init__(self, space, inputs, hidden, heads, shape):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(inputs, hidden[0]), nn.Linear(*hidden)
        for head in heads:
            setattr(self, head, nn.Linear(hidden[1], len(space.low)))
        self.heads = heads
        scale, bias = (space.high - space.low) / 2.0, (space.high + space.low) / 2.0
        self.register_buffer("action_scale", torch.tensor(scale, dtype=torch.float32).reshape(shape))
        self.register_buffer("action_bias", torch.tensor(bias, dtype=torch.float32).reshape(shape))

    def latent(self, x):
        return torch.relu(self.fc2(torch.relu(self.fc1(x))))

    def forward(self, x):
        return getattr(self, self.heads[0])(self.latent(x))

    def action(self, x):
        return torch.tanh(self(x)) * self.action_scale + self.action_bias


def act_and_raw(module, space, statistics=None):
    def prepare(observations):
        if statistics:  # NormalizeObservation, then clip to +-10
            mean, var = np.array(statistics["mean"]), np.array(statistics["var"])
            observations = np.clip(np.float32((observations - mean) / np.sqrt(var + 1e-8)), -10, 10)
        return torch.as_tensor(np.float32(observations))

    def raw(observations):
        with torch.no_grad():
            return module(prepare(observations)).numpy()

    def act(observation):
        if isinstance(module, Actor):
            with torch.no_grad():
                return module.action(prepare(observation[None]))[0].numpy().clip(space.low, space.high)
        outputs = raw(observation[None])[0]
        discrete = isinstance(space, gymnasium.spaces.Discrete)
        return outputs.argmax() if discrete else np.clip(outputs, space.low, space.high)

    return act, raw


def measured(module, env, name, statistics=None):
    environment, model = gymnasium.make(env), SimpleNamespace(policy=module)
    act, raw = act_and_raw(module, environment.action_space, statistics)
    return search(
        lambda seed: scramble_for(environment, model, seed), lambda seed: numbers(environment, act, raw, seed), name
    )


def write(name, content, made, env, found, script, activation=None, because="activation", **more):
    options = dict(activation=activation) if activation else {}
    path = HERE / f"{name}.cleanrl_model"
    torch.save(content, path)
    return {path.name: entry(made, None, env, found, options, because, trained_by=f"CleanRL {script}", **more)}


def discrete():
    entries = {}
    for name, env, module, activation, made in [
        ("dqn", CARTPOLE, QNetwork(4, (120, 84), 2), "relu", "The state dict of dqn.py, widths 120 and 84."),
        ("dqn-small", ACROBOT, QNetwork(6, (12, 10), 3), "relu", "The state dict of dqn.py, smaller."),
        ("ppo", CARTPOLE, Agent(4, (16, 16), 2), "tanh", "The state dict of ppo.py (actor, critic); greedy actions."),
    ]:
        found = measured(module, env, f"cleanrl-{name}")
        script = f"{name.split('-')[0]}.py"
        entries |= write(f"cleanrl-{name}", module.state_dict(), made, env, found, script, activation)
    args = dict(exp_name="c51", seed=1, env_id=CARTPOLE, n_atoms=21, v_min=-10.0, v_max=10.0, learning_rate=2.5e-4)
    module = Categorical(4, (12, 10), 2, args)
    found = measured(module, CARTPOLE, "cleanrl-c51")
    content = dict(model_weights=module.state_dict(), args=args)
    made = "c51.py: a dict of model_weights and args; outputs are the means over the atoms."
    # A distribution's mean is no linear output, so this is no Q-network that the engine evaluates.
    return entries | write("cleanrl-c51", content, made, CARTPOLE, found, "c51.py", because="algorithm")


def continuous_ppo():
    module = ContinuousAgent(3, (16, 16), 1)
    found = measured(module, PENDULUM, "cleanrl-ppo-continuous")
    made = (
        "The state dict of ppo_continuous_action.py; mean actions, clipped; its make_env also normalizes observations, "
    )
    made += "which the file does not hold and the numbers leave out (cleanrl #310, #425, #532)."
    script = "ppo_continuous_action.py"
    entries = write("cleanrl-ppo-continuous", module.state_dict(), made, PENDULUM, found, script, "tanh")

    statistics = vec_normalize(lambda: gymnasium.make(PENDULUM)).obs_rms
    arrays = dict(mean=statistics.mean, var=statistics.var, count=statistics.count)
    lists = dict(mean=statistics.mean.tolist(), var=statistics.var.tolist(), count=float(statistics.count))
    for name, obs_rms in [("arrays", arrays), ("lists", lists)]:
        name = f"cleanrl-ppo-continuous-obs-rms-{name}"
        found = measured(module, PENDULUM, name, statistics=obs_rms)
        content = dict(model_weights=module.state_dict(), args=dict(env_id=PENDULUM, seed=1), obs_rms=obs_rms)
        made = (
            "A dict of model_weights, args and obs_rms (mean, var, count), as cleanrl #556 proposes; observations go "
        )
        made += "through clip((x - mean) / sqrt(var + 1e-8), -10, 10)."
        entries |= write(name, content, made, PENDULUM, found, script, "tanh")
    return entries


def actors():
    entries = {}
    hidden = (16, 12)
    # ddpg.py takes the bounds of the vector of environments, so its scale and bias have one more dimension.
    for name, env, critics, shape in [("ddpg", PENDULUM, 1, (1, 1)), ("td3", CONTINUOUS_CAR, 2, (1,))]:
        space = gymnasium.make(env).action_space
        inputs = gymnasium.make(env).observation_space.shape[0]
        module = Actor(space, inputs, hidden, ["fc_mu"], shape)
        found = measured(module, env, f"cleanrl-{name}")
        content = (module.state_dict(), *(Critic(inputs + 1, hidden).state_dict() for _ in range(critics)))
        made = f"{name}_continuous_action.py: a tuple of state dicts, actor first."
        entries |= write(f"cleanrl-{name}", content, made, env, found, f"{name}_continuous_action.py", "relu")

    module = Actor(gymnasium.make(PENDULUM).action_space, 3, hidden, ["fc_mean", "fc_logstd"], (1,))
    found = measured(module, PENDULUM, "cleanrl-sac")
    with torch.no_grad():
        latent = module.latent(torch.tensor(found["observations"]))
        # log_std is not clamped but squashed into [-5, 2].
        log_std = -5 + 0.5 * (2 - -5) * (torch.tanh(module.fc_logstd(latent)) + 1)
        found["sampling"] = dict(mean=module.fc_mean(latent).tolist(), std=log_std.exp().tolist())
    made = "The actor's state dict of sac_continuous_action.py (which itself saves nothing); mean actions."
    script = "sac_continuous_action.py"
    return entries | write("cleanrl-sac", module.state_dict(), made, PENDULUM, found, script, "relu")


def cleanrl():
    torch.manual_seed(0)  # for the critics, which nobody evaluates
    return discrete() | continuous_ppo() | actors()
