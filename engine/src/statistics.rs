//! The statistics that metrics and verdicts are made of.
