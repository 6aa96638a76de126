//! Where a new baseline stands.

use tars_shared::baseline::Baseline;

/// Where a new baseline stands.
pub(in crate::commands) fn added(baseline: &Baseline, remark: &str) -> String {
    let content = &baseline.content;
    format!(
        "{} on {}: baseline version {} has rank {}{remark}\n",
        content.agent_type, content.environment, baseline.version, baseline.rank
    )
}
