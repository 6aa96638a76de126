//! Activation functions: their names in files and options, and what they compute.

pub(super) mod vector;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::names;

/// The function between two dense layers, as `torch.nn` defines it with its default parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum Activation {
    /// Hyperbolic tangent.
    Tanh,
    /// max(0, x).
    Relu,
    /// x for x > 0, else exp(x) − 1.
    Elu,
    /// x for x > 0, else x / 100.
    LeakyRelu,
    /// x · sigmoid(x), also called swish.
    Silu,
    /// x · Φ(x), with Φ the normal distribution function: torch's `approximate="none"`.
    Gelu,
    /// 1 / (1 + exp(−x)).
    Sigmoid,
    /// ln(sigmoid(x)).
    LogSigmoid,
    /// ln(1 + exp(x)); x itself above 20.
    Softplus,
    /// x · tanh(softplus(x)).
    Mish,
    /// x.
    Identity,
    /// x within −1 and 1.
    Hardtanh,
    /// 1.0507… · (x for x > 0, else 1.6732… · (exp(x) − 1)).
    Selu,
    /// max(0, x) + min(0, exp(x) − 1), which is ELU for α = 1.
    Celu,
    /// x within 0 and 6.
    Relu6,
    /// x / (1 + |x|).
    Softsign,
    /// x · (x + 3 within 0 and 6) / 6.
    Hardswish,
    /// (x + 3 within 0 and 6) / 6.
    Hardsigmoid,
    /// x − tanh(x).
    Tanhshrink,
}

impl Activation {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Tanh,
        Self::Relu,
        Self::Elu,
        Self::LeakyRelu,
        Self::Silu,
        Self::Gelu,
        Self::Sigmoid,
        Self::LogSigmoid,
        Self::Softplus,
        Self::Mish,
        Self::Identity,
        Self::Hardtanh,
        Self::Selu,
        Self::Celu,
        Self::Relu6,
        Self::Softsign,
        Self::Hardswish,
        Self::Hardsigmoid,
        Self::Tanhshrink,
    ];

    /// The name of its class in `torch.nn`.
    pub fn class_name(self) -> &'static str {
        match self {
            Self::Tanh => "Tanh",
            Self::Relu => "ReLU",
            Self::Elu => "ELU",
            Self::LeakyRelu => "LeakyReLU",
            Self::Silu => "SiLU",
            Self::Gelu => "GELU",
            Self::Sigmoid => "Sigmoid",
            Self::LogSigmoid => "LogSigmoid",
            Self::Softplus => "Softplus",
            Self::Mish => "Mish",
            Self::Identity => "Identity",
            Self::Hardtanh => "Hardtanh",
            Self::Selu => "SELU",
            Self::Celu => "CELU",
            Self::Relu6 => "ReLU6",
            Self::Softsign => "Softsign",
            Self::Hardswish => "Hardswish",
            Self::Hardsigmoid => "Hardsigmoid",
            Self::Tanhshrink => "Tanhshrink",
        }
    }

    /// Whether a Python class is torch's of this function. The last name alone says nothing about
    /// what a class computes.
    pub fn is_class(self, module: &str, name: &str) -> bool {
        let home = match self {
            Self::Identity => "torch.nn.modules.linear",
            _ => "torch.nn.modules.activation",
        };
        module == home && name == self.class_name()
    }

    /// Its name in options, requests and results: the class's name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tanh => "tanh",
            Self::Relu => "relu",
            Self::Elu => "elu",
            Self::LeakyRelu => "leakyrelu",
            Self::Silu => "silu",
            Self::Gelu => "gelu",
            Self::Sigmoid => "sigmoid",
            Self::LogSigmoid => "logsigmoid",
            Self::Softplus => "softplus",
            Self::Mish => "mish",
            Self::Identity => "identity",
            Self::Hardtanh => "hardtanh",
            Self::Selu => "selu",
            Self::Celu => "celu",
            Self::Relu6 => "relu6",
            Self::Softsign => "softsign",
            Self::Hardswish => "hardswish",
            Self::Hardsigmoid => "hardsigmoid",
            Self::Tanhshrink => "tanhshrink",
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// No activation function has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no such activation function: use one of {}",
    Activation::ALL.map(Activation::name).join(", ")
)]
pub struct UnknownActivation;

impl FromStr for Activation {
    type Err = UnknownActivation;

    /// Reads a name in any case; `leaky_relu` and the like count too.
    fn from_str(text: &str) -> Result<Self, UnknownActivation> {
        let plain = text.replace('_', "");
        Self::ALL
            .into_iter()
            .find(|activation| activation.name().eq_ignore_ascii_case(&plain))
            .ok_or(UnknownActivation)
    }
}

impl TryFrom<String> for Activation {
    type Error = UnknownActivation;

    fn try_from(text: String) -> Result<Self, UnknownActivation> {
        text.parse()
    }
}

impl JsonSchema for Activation {
    fn schema_name() -> Cow<'static, str> {
        "Activation".into()
    }

    /// What is read and what is written differ, so no definition could stand for both.
    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        names::schema(generator, &Self::ALL.map(Self::name), "_*")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_in_any_case_and_written_as_it_is_called() {
        for activation in Activation::ALL {
            let written = serde_json::to_value(activation).expect("it is a name");
            assert_eq!(written, activation.name());
            for text in [
                activation.name().to_owned(),
                activation.class_name().to_owned(),
                activation.name().to_uppercase(),
                format!("_{activation}_"),
            ] {
                assert_eq!(text.parse(), Ok(activation), "{text}");
                let read: Activation = serde_json::from_value(text.into()).expect("it is a name");
                assert_eq!(read, activation);
            }
        }
        assert_eq!("leaky_relu".parse(), Ok(Activation::LeakyRelu));
        assert_eq!("relu7".parse::<Activation>(), Err(UnknownActivation));
    }
}
