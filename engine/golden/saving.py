"""What saves.py needs for each of its files: weights, numbers, and a file that comes out the same every time."""

import base64
import io
import json
import re
import zipfile
import zlib
from pathlib import Path

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from sb3_contrib import ARS, QRDQN, TQC, TRPO, CrossQ, MaskablePPO
from stable_baselines3 import DDPG, DQN, PPO, SAC, TD3

from policies import observe, scramble

HERE = Path(__file__).parent / "saves"
EPISODES = 12
FIRST_SEED = 5000
ACTORS = (SAC, TQC, CrossQ, TD3, DDPG)  # the families whose actor is a network of its own, squashed by tanh
REPLAY = (*ACTORS, DQN, QRDQN)
DEFLATE_ABOVE = 20_000  # bytes; a save also holds its optimizers' state
STARTED = 1_700_000_000_000_000_000


def build(algorithm, environment, policy_kwargs=None, policy="MlpPolicy", learn=128, **kwargs):
    """A small model. A little training fills what a real save also holds: optimizer state, buffers of episodes."""
    if issubclass(algorithm, REPLAY):
        kwargs = dict(buffer_size=1000, learning_starts=64, batch_size=16) | kwargs
    elif algorithm in (PPO, TRPO, MaskablePPO):
        kwargs = dict(n_steps=64, batch_size=32) | kwargs
    elif algorithm is ARS:
        kwargs = dict(n_delta=2) | kwargs
    policy_kwargs = policy_kwargs and dict(policy_kwargs)  # the off-policy algorithms write into theirs
    model = algorithm(policy, environment, policy_kwargs=policy_kwargs, seed=0, device="cpu", **kwargs)
    if learn:
        model.learn(learn, **({"use_masking": False} if algorithm is MaskablePPO else {}))
    return model


def raw_outputs(model):
    """The last layer's outputs, before any squashing, clipping or argmax: a function of f32 observations."""
    policy = model.policy

    def outputs(inputs):
        if isinstance(model, QRDQN):
            # The layer gives n_quantiles rows of n_actions; a q-value is the mean over the rows.
            return policy.quantile_net(inputs).mean(dim=1)
        if isinstance(model, DQN):
            return policy.q_net(inputs)
        if isinstance(model, ACTORS):
            actor = policy.actor
            features = actor.extract_features(inputs, actor.features_extractor)
            if isinstance(model, (TD3, DDPG)):
                return actor.mu[:-1](features)  # without the final tanh
            latent = actor.latent_pi(features)
            # With gSDE `mu` is a Linear and a Hardtanh(-clip_mean, clip_mean); this is before the Hardtanh.
            return actor.mu[0](latent) if isinstance(actor.mu, torch.nn.Sequential) else actor.mu(latent)
        features = policy.extract_features(inputs, policy.features_extractor)
        if isinstance(model, ARS):
            layers = policy.action_net
            return (layers[:-1] if isinstance(layers[-1], torch.nn.Tanh) else layers)(features)
        features = features[0] if isinstance(features, tuple) else features
        return policy.action_net(policy.mlp_extractor.forward_actor(features))

    def call(observations):
        policy.set_training_mode(False)
        with torch.no_grad():
            return outputs(torch.as_tensor(observations)).numpy()

    return call


def sampling(model, observations):
    """The Gaussian, before squashing, that `predict(deterministic=False)` is meant to draw from.

    SAC, TQC, CrossQ   mean = mu(latent); std = exp(clamp(log_std(latent), -20, 2)); action = unscale(tanh(sample))
    the same, gSDE     mean = Hardtanh(mu(latent), +-clip_mean); std = sqrt((latent**2 @ exp(log_std)**2) + 1e-6)
    PPO, A2C, gSDE     mean = action_net(latent); std likewise; squashed by tanh only if squash_output, else clipped.
                       With full_std=False log_std is one column, broadcast over the actions.

    What SB3 really draws with gSDE is mean + latent @ E, where E ~ N(0, exp(log_std)) stays the same until
    `reset_noise()`: it has the variance above without the 1e-6, and samples in a row are not independent.
    """
    inputs = torch.as_tensor(observations)
    model.policy.set_training_mode(False)
    with torch.no_grad():
        if isinstance(model, ACTORS):
            actor = model.policy.actor
            mean, log_std, rest = actor.get_action_dist_params(inputs)
            actor.action_dist.actions_from_params(mean, log_std, deterministic=True, **rest)
            distribution = actor.action_dist.distribution
        else:
            distribution = model.policy.get_distribution(inputs).distribution
    return dict(mean=distribution.mean.tolist(), std=distribution.stddev.tolist())


def act_with(model, normalizer=None):
    def act(observation):
        if normalizer:
            observation = normalizer.normalize_obs(observation)
        return model.predict(observation, deterministic=True)[0]

    return act


def play(environment, act, episodes, disturb=0.0):
    """Whole episodes; and every observation on the way. Actions are disturbed to see whether rounding would show."""
    noise, results, visited = np.random.default_rng(0), [], []
    for episode in range(episodes):
        observation, _ = environment.reset(seed=FIRST_SEED + episode)
        total, steps, over = 0.0, 0, False
        while not over:
            visited.append(observation)
            action = act(observation)
            if disturb:
                action = (action + noise.normal(0, disturb, action.shape)).astype(np.float32)
            observation, reward, terminated, truncated, _ = environment.step(action)
            total, steps, over = total + float(reward), steps + 1, terminated or truncated
        results.append([total, steps])
    return results, np.stack(visited)


def is_decided(outputs, margin):
    """A tie would make the golden action depend on rounding."""
    best = np.sort(outputs, axis=1)
    return (best[:, -1] - best[:, -2]).min() > margin


def is_varied(environment, results):
    """Constants would also come out of a policy that was read wrongly."""
    returns, steps = np.array(results).T
    if environment.spec.id == "Pendulum-v1":
        return np.ptp(returns) > 0.5
    if environment.spec.id == "CartPole-v1":
        return steps.mean() > 18 and steps.std() > 3
    if environment.spec.id == "MountainCarContinuous-v0":
        return steps.min() < 999  # it arrives at least once
    return np.ptp(steps) > 5


def numbers(environment, act, raw=None, seed=0, normalizer=None):
    """Observations, what the library answers to them, and whole episodes; None if these would not test much."""
    results, visited = play(environment, act, 4)
    if not is_varied(environment, results):
        return None
    discrete = isinstance(environment.action_space, spaces.Discrete)
    results, visited = play(environment, act, EPISODES)
    prepare = normalizer.normalize_obs if normalizer else lambda observations: observations
    observations = observe(environment, seed).astype(np.float32)
    outputs = raw(prepare(observations)) if raw else None
    if discrete and raw:
        if not is_decided(outputs, 1e-4) or not is_decided(raw(prepare(visited)), 2e-6):
            return None
    elif not discrete:
        # The tolerance of the tests is 1e-5: chaotic episodes are no use to them.
        disturbed = play(environment, act, EPISODES, disturb=2e-7)[0]
        if not np.allclose(np.array(results), np.array(disturbed), rtol=3e-6, atol=0):
            return None
    actions = np.stack([act(observation) for observation in observations])
    if not discrete and len(np.unique(actions.round(3), axis=0)) < 9:
        return None  # almost always at its bounds
    return dict(
        observations=observations.tolist(),
        outputs=None if outputs is None else outputs.tolist(),
        actions=actions.tolist(),
        episodes=results,
        mean=float(np.mean([total for total, _ in results])),
    )


def search(change, measure, name):
    """Random weights from the first seed that gives varied, steady episodes."""
    first = zlib.crc32(name.encode()) % 1_000_000  # other weights in every file
    for seed in range(first, first + 400):
        change(seed)
        if found := measure(seed):
            return found
    raise SystemExit(f"{name}: no seed gives varied, steady episodes")


def scramble_for(environment, model, seed):
    """Random weights. A car's speed is at most 0.07: it needs large ones to matter."""
    scramble(model, seed)
    if environment.spec.id.startswith("MountainCar"):
        with torch.no_grad():
            for parameter in model.policy.parameters():
                if parameter.dim() == 2 and parameter.shape[1] == 2:
                    parameter[:, 1] *= 40


def randomize(model, environment, name, normalizer=None, wrap=lambda act: act):
    """Gives the model random weights that make it worth evaluating; returns its numbers."""
    act, raw = wrap(act_with(model, normalizer)), raw_outputs(model)
    return search(
        lambda seed: scramble_for(environment, model, seed),
        lambda seed: numbers(environment, act, raw, seed, normalizer),
        name,
    )


def measure(model, environment, name, **options):
    """The numbers of a model whose weights are given."""
    found = numbers(environment, act_with(model), raw_outputs(model), **options)
    assert found, f"{name} is not varied and steady"
    return found


def sequential(state, prefixes, activation):
    """The network that a state dict describes: its Linears, an activation between them."""
    layers = []
    for prefix in prefixes:
        for key in state:
            if key.startswith(prefix) and key.endswith(".weight"):
                layer = torch.nn.Linear(*reversed(state[key].shape))
                layer.load_state_dict({"weight": state[key], "bias": state[key.removesuffix("weight") + "bias"]})
                layers += [layer, activation()]
    return torch.nn.Sequential(*layers[:-1])


def plain(network, space, finish=None):
    """act and raw, as `numbers` wants them, of a torch network: argmax or clip, unless `finish` does otherwise."""
    if finish is None and isinstance(space, spaces.Discrete):
        finish = lambda outputs: outputs.argmax(-1)
    elif finish is None:
        finish = lambda outputs: np.clip(outputs, space.low, space.high)

    def raw(observations):
        with torch.no_grad():
            return network(torch.as_tensor(np.float32(observations))).numpy()

    return lambda observation: finish(raw(observation[None])[0]), raw


def settle_model(model):
    """Takes the clock out of a model that is about to be saved."""
    model.start_time = STARTED
    for episode in getattr(model, "ep_info_buffer", None) or ():
        episode["t"] = 0.25


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_zip(path, members, deflate=None):
    """Writes a zip as zipfile does for SB3, but with a fixed date; deflates what would be large."""
    if deflate is None:
        deflate = sum(map(len, members.values())) > DEFLATE_ABOVE
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
            info.external_attr = 0o600 << 16
            with archive.open(info, "w", force_zip64=name.endswith(".pth")) as member:
                member.write(content)


def settle_file(path, deflate=None):
    """Writes a save again so that it has the same bytes every time, as far as pickles allow."""
    members = members_of(path)
    text = members["data"].decode()
    # repr() of a function tells where it lay in memory; nothing reads that.
    members["data"] = re.sub(r"at 0x[0-9a-f]+", "at 0x7f0000000000", text).encode()
    assert_tells_no_path(members["data"])
    # Nor does anything read on which kernel the save was made.
    members["system_info.txt"] = re.sub(
        rb"OS: .*", b"OS: Linux-6.1.0-x86_64-with-glibc2.36", members["system_info.txt"]
    )
    write_zip(path, members, deflate)


def assert_tells_no_path(data):
    """A pickled function holds the name of its source file."""
    pickles = [
        entry[":serialized:"]
        for entry in json.loads(data).values()
        if isinstance(entry, dict) and ":serialized:" in entry
    ]
    for content in [data, *map(base64.b64decode, pickles)]:
        assert not re.search(rb"/(home|tmp|work|root|usr)/", content), content[:2000]


def save(model, name, found=None):
    """`model.save`, settled; and the proof that the library itself still reads it like that."""
    settle_model(model)
    path = HERE / name
    model.save(path)
    settle_file(path)
    if found:
        assert_reads_back(type(model).load(path, device="cpu"), found, name)
    return path


def assert_reads_back(model, found, name, prepare=lambda observation: observation):
    actions = [act_with(model)(prepare(observation)).tolist() for observation in np.float32(found["observations"])]
    assert actions == found["actions"], name


def torch_bytes(content, **kwargs):
    buffer = io.BytesIO()
    torch.save(content, buffer, **kwargs)
    return buffer.getvalue()


def wrapped(env_id, *wrappers):
    environment = gymnasium.make(env_id)
    for wrapper, args in wrappers:
        environment = wrapper(environment, *args)
    return environment


def entry(made, algorithm, env, found=None, options=None, because=None, **more):
    """One file's entry in saves.json."""
    result = dict(made=made, algorithm=algorithm, env=env, options=options or {})
    if because:
        result |= dict(refused=True, because=because)
    return result | more | (found or {})
