//! mlp-json, safetensors and VecNormalize files that cannot be what they say.

use super::{assert_refused, fixture};
use tars_engine::policy_file::{self, Format, Given};

pub(crate) const MLP_JSON: &str = r#"{"version": 1, "head": "logits", "activation": "tanh",
"layers": [
    {"weight": [[1, 2], [3, 4], [5, 6]], "bias": [0, 0, 0]},
    {"weight": [[1, 0, 1]], "bias": [1]}
],
"normalizer": {"mean": [0, 1], "var": [1, 2], "epsilon": 1e-8, "clip": 10}}"#;

fn assert_change_refused(from: &str, to: &str, reason: &str) {
    assert!(MLP_JSON.contains(from));
    assert_refused(
        Format::MlpJson,
        MLP_JSON.replace(from, to).as_bytes(),
        reason,
    );
}

#[test]
fn mlp_json_with_wrong_fields_is_refused() {
    assert_change_refused(
        "\"version\": 1",
        "\"version\": 2",
        "its version is 2, but only 1 is known",
    );
    assert_change_refused(
        "\"version\": 1",
        "\"version\": 1, \"extra\": 1",
        "unknown field `extra`",
    );
    assert_change_refused("\"clip\"", "\"clop\"", "unknown field `clop`");
    assert_change_refused(
        "\"version\": 1",
        "\"version\": 1, \"version\": 1",
        "duplicate field `version`",
    );
    assert_change_refused("tanh", "geluu", "no such activation function");
    assert_change_refused(
        "\"head\"",
        "\"log_std\": [1], \"head\"",
        "log_std belongs to the head gaussian only",
    );
    assert_change_refused(
        "\"head\"",
        "\"exploration_rate\": 1, \"head\"",
        "belongs to the head values only",
    );
    assert_change_refused(
        "\"head\"",
        "\"algorithm\": \"DQN\", \"head\"",
        "the request says DQN, but the file holds a policy of A2C, PPO",
    );
    assert_change_refused(
        "\"head\"",
        "\"algorithm\": \"REINFORCE\", \"head\"",
        "\"REINFORCE\" is none of DQN",
    );
}

#[test]
fn mlp_json_with_wrong_shapes_is_refused() {
    assert_change_refused(
        "[3, 4]",
        "[3]",
        "row 1 of a weight has 1 values, the first row 2",
    );
    assert_change_refused("[[1, 2], [3, 4], [5, 6]]", "[]", "a weight has 0 rows");
    assert_change_refused(
        "[[1, 2], [3, 4], [5, 6]]",
        "[[], [], []]",
        "row 0 of a weight has 0 values",
    );
    assert_change_refused(
        "[0, 0, 0]",
        "[0, 0]",
        "layer 0 has the shape [3, 2], but 6 weights and 2 biases",
    );
    assert_change_refused(
        "[[1, 0, 1]]",
        "[[1, 0]]",
        "layer 0 of shape [3, 2] does not fit layer 1 of shape [1, 2]",
    );
    let without_layers = r#"{"version": 1, "head": "logits", "activation": "tanh", "layers": []}"#;
    assert_refused(
        Format::MlpJson,
        without_layers.as_bytes(),
        "it has 0 layers",
    );
}

#[test]
fn mlp_json_with_wrong_numbers_is_refused() {
    assert_change_refused("[3, 4]", "[3, 1e39]", "number out of range");
    assert_change_refused("[3, 4]", "[3, 1e999]", "number out of range");
    assert_change_refused("[3, 4]", "[3, NaN]", "is not valid");
    assert_change_refused("[3, 4]", "[3, \"4\"]", "invalid type: string");
    assert_change_refused(
        "\"var\": [1, 2]",
        "\"var\": [1, -2]",
        "the variance is not finite or negative",
    );
    assert_change_refused(
        "\"var\": [1, 2]",
        "\"var\": [1]",
        "the mean has 2 values, the variance 1",
    );
    assert_change_refused(
        "\"mean\": [0, 1], \"var\": [1, 2]",
        "\"mean\": [0], \"var\": [1]",
        "it has 1 dimensions, but the policy takes 2",
    );
    assert_change_refused("1e-8", "-1", "so the scale is not positive");
    assert_change_refused(
        "\"clip\": 10",
        "\"clip\": 0",
        "the clip bound is 0, not positive",
    );
}

#[test]
fn deeply_nested_json_is_refused() {
    let nested = format!("{{\"layers\": {}", "[".repeat(1 << 20));
    assert_refused(Format::MlpJson, nested.as_bytes(), "invalid type: sequence");
}

/// A safetensors file with this header and this many bytes behind it.
fn safetensors(header: &str, data: usize) -> Vec<u8> {
    let length = u64::try_from(header.len()).expect("a short header");
    [&length.to_le_bytes(), header.as_bytes(), &vec![0; data][..]].concat()
}

#[test]
fn safetensors_with_a_wrong_header_are_refused() {
    let refused = |bytes: &[u8], reason: &str| assert_refused(Format::Safetensors, bytes, reason);
    refused(b"", "the file is not valid safetensors");
    refused(&u64::MAX.to_le_bytes(), "the file is not valid safetensors");
    refused(&safetensors("{}", 0), "there are no policy tensors in it");
    refused(
        &safetensors("{\"q_net.q_net.0.weight\": 1}", 0),
        "the file is not valid safetensors",
    );
    let tensor = |kind: &str, shape: &str, end: usize| {
        format!(
            "{{\"q_net.q_net.0.weight\":{{\"dtype\":\"{kind}\",\"shape\":{shape},\
              \"data_offsets\":[0,{end}]}}}}"
        )
    };
    refused(
        &safetensors(&tensor("F32", "[2,1]", 8), 7),
        "the file is not valid safetensors",
    );
    refused(
        &safetensors(&tensor("F32", "[2,1]", 4), 4),
        "the file is not valid safetensors",
    );
    refused(
        &safetensors(&tensor("F32", "[4294967296,4294967296]", 8), 8),
        "the file is not valid safetensors",
    );
    refused(
        &safetensors(&tensor("F32", "[2,1]", 8), 8),
        "has not just a weight and a bias beside it",
    );
}

#[test]
fn safetensors_of_another_type_are_refused_by_name() {
    let header = "{\"q_net.q_net.0.weight\":\
                  {\"dtype\":\"I64\",\"shape\":[1,1],\"data_offsets\":[0,8]},\
                  \"q_net.q_net.0.bias\":\
                  {\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}";
    assert_refused(
        Format::Safetensors,
        &safetensors(header, 12),
        "is I64: weights are floating-point numbers",
    );
}

#[test]
fn safetensors_metadata_is_checked() {
    let with = |metadata: &str| {
        let header = format!(
            "{{\"__metadata__\":{{{metadata}}},\
             \"q_net.q_net.0.weight\":{{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]}},\
             \"q_net.q_net.0.bias\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}}}"
        );
        safetensors(&header, 8)
    };
    assert!(
        policy_file::read(
            Format::Safetensors,
            &Given::default(),
            &with("\"activation\":\"relu\"")
        )
        .is_ok()
    );
    let refused =
        |metadata: &str, reason: &str| assert_refused(Format::Safetensors, &with(metadata), reason);
    refused(
        "\"activation\":\"geluu\"",
        "the metadata activation is \"geluu\": no such activation function",
    );
    refused(
        "\"exploration_rate\":\"much\"",
        "the metadata exploration_rate is \"much\": invalid float",
    );
    refused(
        "\"exploration_rate\":\"NaN\"",
        "the exploration rate is NaN; from 0 to 1 is accepted",
    );
}

/// A VecNormalize with some of its bytes replaced by as many others.
fn assert_statistics_refused(from: &[u8], to: &[u8], reason: &str) {
    let mut bytes = fixture("vecnormalize-pendulum.pkl");
    assert_eq!(from.len(), to.len());
    let place = bytes
        .windows(from.len())
        .position(|it| it == from)
        .expect("the bytes are there");
    bytes[place..place + to.len()].copy_from_slice(to);
    let error = policy_file::read_vec_normalize(&bytes).expect_err("it is changed for the worse");
    let message = error.to_string();
    assert!(
        message.contains(reason),
        "expected {reason:?} in {message:?}"
    );
}

#[test]
fn statistics_that_are_not_usable_are_refused() {
    let read = policy_file::read_vec_normalize(&fixture("vecnormalize-pendulum.pkl"))
        .unwrap()
        .unwrap();
    let (mean, var) = (read.mean[0].to_le_bytes(), read.var[0].to_le_bytes());
    assert_statistics_refused(&mean, &f64::NAN.to_le_bytes(), "the mean is not finite");
    assert_statistics_refused(
        &var,
        &f64::INFINITY.to_le_bytes(),
        "the variance is not finite or negative",
    );
    assert_statistics_refused(
        &var,
        &(-1.0_f64).to_le_bytes(),
        "the variance is not finite or negative",
    );
    let clip = [b"clip_obs\x94G", &2.0_f64.to_be_bytes()[..]].concat();
    let negative = [b"clip_obs\x94G", &(-2.0_f64).to_be_bytes()[..]].concat();
    assert_statistics_refused(&clip, &negative, "the clip bound is -2, not positive");
}

#[test]
fn statistics_that_are_not_where_they_should_be_are_refused() {
    assert_statistics_refused(b"obs_rms", b"obs_rmx", "obs_rms is missing");
    assert_statistics_refused(b"norm_obs\x94", b"norm_obx\x94", "norm_obs is missing");
    assert_statistics_refused(
        b"\x02f8",
        b"\x02i8",
        "mean is no one-dimensional array of floats",
    );
    assert_statistics_refused(
        b"RunningMeanStd",
        b"RunningMeanStx",
        "which no policy needs",
    );
    let bytes = fixture("vecnormalize-pendulum.pkl");
    let key = bytes.windows(5).position(|it| it == b"mean\x94").unwrap();
    let length = key
        + bytes[key..]
            .windows(3)
            .position(|it| it == b"K\x03\x85")
            .unwrap();
    let shorter = [&bytes[key..length], b"K\x02\x85"].concat();
    let reason = "mean is no one-dimensional array";
    assert_statistics_refused(&bytes[key..length + 3], &shorter, reason);
    let message = policy_file::read_vec_normalize(b"\x80\x04N.")
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("does not describe a VecNormalize: it is no object"),
        "{message}"
    );
}
