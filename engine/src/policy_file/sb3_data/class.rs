//! The policy's class, as cloudpickle's readable part shows it.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::scalar::Scalar;
use crate::policy_file::declared::Class;
use crate::quote::quote;

/// The attributes of the class that tell whose it is.
#[derive(Default)]
pub(super) struct PolicyClass {
    /// `__module__`.
    pub(super) module: Option<String>,
    /// The class's name, from one of its methods: `<function NAME.__init__ at 0x…>`.
    name: Option<String>,
}

impl PolicyClass {
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name)
    }
}

impl From<PolicyClass> for Class {
    fn from(class: PolicyClass) -> Self {
        let Some(module) = class.module else {
            return Self::Undeclared;
        };
        if module.starts_with("stable_baselines3.") || module.starts_with("sb3_contrib.") {
            return Self::Library;
        }
        Self::Foreign(match class.name {
            Some(name) => quote(&format!("{module}.{name}")),
            None => format!("a class of {}", quote(&module)),
        })
    }
}

impl<'de> Deserialize<'de> for PolicyClass {
    /// A class has any number of attributes; only those that matter are kept.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Attributes;
        impl<'de> Visitor<'de> for Attributes {
            type Value = PolicyClass;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the attributes of a class")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PolicyClass, A::Error> {
                let mut class = PolicyClass::default();
                while let Some(attribute) = map.next_key::<String>()? {
                    match attribute.as_str() {
                        "__module__" => class.module = map.next_value::<Scalar>()?.text(),
                        // These are long, and the other attributes are enough.
                        ":serialized:" | "__doc__" => drop(map.next_value::<IgnoredAny>()?),
                        _ => {
                            let text = map.next_value::<Scalar>()?.text();
                            let name = text.as_deref().and_then(class_of_method);
                            if attribute == "__init__" || class.name.is_none() {
                                class.name = name.or(class.name);
                            }
                        }
                    }
                }
                Ok(class)
            }
        }
        deserializer.deserialize_map(Attributes)
    }
}

/// `ActorCriticPolicy` of `<function ActorCriticPolicy.__init__ at 0x7f67>`.
fn class_of_method(text: &str) -> Option<String> {
    let (path, _) = text.strip_prefix("<function ")?.split_once(" at ")?;
    let (class, _method) = path.rsplit_once('.')?;
    Some(class.to_owned())
}
