//! Tensors and networks that cannot be what they say.

use super::assert_save_refused;
use super::craft::Save;
use tars_engine::policy::{Head, Noise};
use tars_engine::policy_file::{self, Format, Given};

const WEIGHT: &str = "mlp_extractor.policy_net.0.weight";

/// Changes a valid save and expects it to be refused.
fn assert_change_refused(change: impl FnOnce(&mut Save), reason: &str) {
    let mut save = Save::new();
    change(&mut save);
    assert_save_refused(&save, reason);
}

#[test]
fn storages_of_another_length_are_refused() {
    let reason = "refers to a storage of 6 values of 4 bytes that has";
    assert_change_refused(|save| save.values(WEIGHT).push(0.0), reason);
    assert_change_refused(|save| save.values(WEIGHT).truncate(5), reason);
    assert_change_refused(|save| save.values(WEIGHT).clear(), reason);
}

#[test]
fn storages_that_are_missing_are_refused() {
    let reason = "refers to the storage \"../../etc/passwd\", which is missing";
    assert_change_refused(
        |save| save.named(WEIGHT).storage = "../../etc/passwd".to_owned(),
        reason,
    );
}

#[test]
fn views_beyond_their_storage_are_refused() {
    assert_change_refused(
        |save| save.named(WEIGHT).offset = 1,
        "has 6 values from 1 on, but its storage has 6",
    );
    assert_change_refused(
        |save| save.named(WEIGHT).offset = i64::MAX,
        "but its storage has 6",
    );
    assert_change_refused(
        |save| save.named(WEIGHT).storage_elements = i64::MAX,
        "refers to a storage of 9223372036854775807 values of 4 bytes that has 24 bytes",
    );
}

#[test]
fn huge_shapes_on_a_tiny_storage_are_refused() {
    for side in [1 << 20, 1 << 32, i64::MAX] {
        let change = |save: &mut Save| {
            save.named(WEIGHT).shape = vec![side, side];
            save.named(WEIGHT).strides = vec![side, 1];
            save.named("mlp_extractor.policy_net.0.bias").shape = vec![side];
        };
        assert_change_refused(change, "widths from 1 to 8192 are accepted");
    }
    // Within the widths, but not within the storage.
    let change = |save: &mut Save| {
        save.named(WEIGHT).shape = vec![8_000, 2];
        save.named("mlp_extractor.policy_net.0.bias").shape = vec![8_000];
    };
    assert_change_refused(change, "has 16000 values from 0 on, but its storage has 6");
}

#[test]
fn a_network_over_the_limit_is_refused_before_its_weights_are_read() {
    let mut save = Save::new();
    for tensor in ["mlp_extractor.policy_net.2", "mlp_extractor.policy_net.4"] {
        save.dense(tensor, 1, 1);
        save.named(&format!("{tensor}.weight")).shape = vec![8_192, 8_192];
        save.named(&format!("{tensor}.bias")).shape = vec![8_192];
    }
    assert_save_refused(
        &save,
        "the network exceeds the limit of 4194304 weights and biases",
    );
}

#[test]
fn sizes_that_are_no_sizes_are_refused() {
    let reason = "is no tensor as torch.save writes it";
    assert_change_refused(|save| save.named(WEIGHT).shape[0] = -3, reason);
    assert_change_refused(|save| save.named(WEIGHT).offset = -1, reason);
    assert_change_refused(|save| save.named(WEIGHT).strides = vec![1], reason);
    assert_change_refused(|save| save.named(WEIGHT).storage_elements = -1, reason);
}

#[test]
fn tensors_that_are_not_contiguous_are_refused() {
    let reason = "has the shape [3, 2] with strides [1, 3]: save it contiguously";
    assert_change_refused(|save| save.named(WEIGHT).strides = vec![1, 3], reason);
    let expanded = "with strides [0, 0]: save it contiguously";
    assert_change_refused(|save| save.named(WEIGHT).strides = vec![0, 0], expanded);
}

#[test]
fn types_that_are_no_floating_point_numbers_are_refused_by_name() {
    for (class, name) in [("LongStorage", "int64"), ("BoolStorage", "bool")] {
        let reason = format!("is {name}: weights are floating-point numbers");
        assert_change_refused(|save| save.named(WEIGHT).class = class, &reason);
    }
    assert_change_refused(
        |save| save.named(WEIGHT).class = "QUInt8Storage",
        "which no policy needs",
    );
}

#[test]
fn storages_of_another_type_than_they_say_are_refused() {
    for (class, size) in [
        ("DoubleStorage", 8),
        ("HalfStorage", 2),
        ("BFloat16Storage", 2),
    ] {
        let reason = format!("refers to a storage of 6 values of {size} bytes that has 24 bytes");
        assert_change_refused(|save| save.named(WEIGHT).class = class, &reason);
    }
}

#[test]
fn numbers_that_are_not_finite_are_refused_with_their_place() {
    for (value, name) in [
        (f32::NAN, "NaN"),
        (f32::INFINITY, "inf"),
        (f32::NEG_INFINITY, "-inf"),
    ] {
        let reason =
            format!("layer 0's weight holds {name} at index 4: training may have diverged");
        assert_change_refused(|save| save.values(WEIGHT)[4] = value, &reason);
        let reason = format!("layer 1's bias holds {name} at index 0");
        assert_change_refused(|save| save.values("action_net.bias")[0] = value, &reason);
        let change = |save: &mut Save| {
            save.tensor("log_std", &[2]);
            save.values("log_std")[1] = value;
        };
        assert_change_refused(change, &format!("log_std holds {name} at index 1"));
    }
}

#[test]
fn layers_that_do_not_fit_are_refused_with_both_shapes() {
    let mut save = Save::new();
    save.dense("mlp_extractor.policy_net.2", 5, 3);
    assert_save_refused(
        &save,
        "layer 0 of shape [3, 2] does not fit layer 1 of shape [3, 5]",
    );
    let reason = "has the shape [4], but its weight has [3, 2]";
    assert_change_refused(
        |save| save.named("mlp_extractor.policy_net.0.bias").shape = vec![4],
        reason,
    );
    assert_change_refused(
        |save| save.tensor("log_std", &[3]),
        "has the shape [3], but there are 2 actions",
    );
}

#[test]
fn layers_that_are_not_dense_are_refused() {
    let convolution = |save: &mut Save| {
        save.named(WEIGHT).shape = vec![3, 2, 1];
        save.named(WEIGHT).strides = vec![2, 1, 1];
    };
    assert_change_refused(convolution, "which is no dense layer's [outputs, inputs]");
    let without_bias = |save: &mut Save| save.tensors.retain(|it| it.name != "action_net.bias");
    assert_change_refused(without_bias, "has not just a weight and a bias beside it");
    let gap = |save: &mut Save| save.dense("mlp_extractor.policy_net.3", 3, 3);
    assert_change_refused(gap, "layer 1 has the number 3 instead of 2");
    let add_layers = |save: &mut Save, count: usize| {
        for number in 1..=count {
            save.dense(&format!("mlp_extractor.policy_net.{}", 2 * number), 3, 3);
        }
    };
    assert_change_refused(
        |save| add_layers(save, 39),
        "it has 41 layers; from 1 to 32 are accepted",
    );
    assert_change_refused(
        |save| add_layers(save, 130),
        "the network exceeds the limit of 32 layers",
    );
}

#[test]
fn networks_of_other_kinds_are_refused_by_what_they_are() {
    let cases = [
        (
            "features_extractor.cnn.0.weight",
            "a features extractor with weights",
        ),
        ("lstm_actor.weight_ih_l0", "recurrent policies"),
        (
            "q_net.advantage.0.weight",
            "a plain multilayer perceptron of Stable-Baselines3 or CleanRL has no such tensor",
        ),
        ("mlp_extractor.policy_net.00.weight", "has no such tensor"),
        ("mlp_extractor.policy_net.-2.weight", "has no such tensor"),
        (
            "mlp_extractor.policy_net.99999999999999999999.bias",
            "has no such tensor",
        ),
        (
            "mlp_extractor.policy_net.0.running_mean",
            "has no such tensor",
        ),
        ("", "has no such tensor"),
    ];
    for (name, reason) in cases {
        assert_change_refused(|save| save.tensor(name, &[2]), reason);
    }
}

#[test]
fn networks_of_two_algorithms_or_none_are_refused() {
    let reason = "it holds the tensors of more than one algorithm";
    assert_change_refused(|save| save.dense("q_net.q_net.0", 2, 2), reason);
    let critics_only = |save: &mut Save| {
        save.tensors.clear();
        save.dense("value_net", 2, 1);
    };
    assert_change_refused(critics_only, "there are no policy tensors in it");
    let headless = |save: &mut Save| save.tensors.retain(|it| !it.name.starts_with("action_net"));
    assert_change_refused(headless, "the tensor action_net.weight is missing");
}

#[test]
fn an_exploration_rate_that_is_no_probability_is_refused() {
    let mut save = Save::new();
    save.tensors.clear();
    save.dense("q_net.q_net.0", 2, 2);
    let rate = "\"exploration_rate\": 1.5";
    save.data = super::craft::DATA.replacen('{', &format!("{{{rate}, "), 1);
    assert_save_refused(
        &save,
        "the exploration rate is 1.5; from 0 to 1 is accepted",
    );
}

#[test]
fn tensors_that_share_a_storage_are_read_each_from_its_place() {
    let mut save = Save::new();
    save.tensor("log_std", &[2]);
    save.values(WEIGHT).extend([7.0, 8.0]);
    save.named(WEIGHT).storage_elements = 8;
    let storage = save.named(WEIGHT).storage.clone();
    let log_std = save.named("log_std");
    (log_std.storage, log_std.storage_elements, log_std.offset) = (storage, 8, 6);
    let head = policy_file::read(Format::Sb3Zip, &Given::default(), &save.bytes())
        .unwrap()
        .policy
        .head;
    let expected = Head::Gaussian {
        noise: Noise::Constant {
            log_std: vec![7.0, 8.0],
        },
    };
    assert_eq!(head, expected);
}
