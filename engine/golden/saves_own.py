"""Classes as users write them in their own scripts: cloudpickle puts their code into the save."""

import functools

import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

# The code of a class goes into a pickle only if its module is __main__: a user runs train.py.
__name__, __file__ = "__main__", "train.py"


class OneLayer(nn.Module):
    """The shape of SB3's documented custom network: one layer each, its widths told to the policy."""

    def __init__(self, features):
        super().__init__()
        self.latent_dim_pi = 16
        self.latent_dim_vf = 16
        self.policy_net = nn.Sequential(nn.Linear(features, 16), nn.ReLU())
        self.value_net = nn.Sequential(nn.Linear(features, 16), nn.ReLU())

    def forward(self, features):
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features):
        return self.policy_net(features)

    def forward_critic(self, features):
        return self.value_net(features)


class OneLayerPolicy(ActorCriticPolicy):
    def _build_mlp_extractor(self):
        self.mlp_extractor = OneLayer(self.features_dim)


class ReLUPolicy(ActorCriticPolicy):
    """Passes what nobody can see in policy_kwargs."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs, activation_fn=nn.ReLU, net_arch=[8, 8])


class Scale(BaseFeaturesExtractor):
    """Has no weights, so no tensor tells of it."""

    def __init__(self, observation_space):
        super().__init__(observation_space, features_dim=observation_space.shape[0])

    def forward(self, observations):
        return observations / 4.8


class ScalePolicy(ActorCriticPolicy):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs, features_extractor_class=Scale)


def own_activation(name, forward):
    """A class that shares its name with one of torch's."""
    return type(name, (nn.Module,), {"forward": forward, "__module__": "__main__"})


OwnReLU = own_activation("ReLU", lambda self, inputs: torch.clamp(inputs, 0, 1) ** 2)
OwnTanh = own_activation("Tanh", lambda self, inputs: 1.7159 * torch.tanh(inputs * 2 / 3))
LAMBDA = lambda: nn.LeakyReLU(0.2)
PARTIAL = functools.partial(nn.ELU, alpha=0.5)
