//! Evaluations to submit.

use serde_json::{Value, json};

/// A network for `CartPole` that pushes the cart the way the pole leans, which keeps it up. The
/// wider its hidden layer, the more work each step is: 16 makes a thousand episodes a matter of
/// milliseconds, 512 of ten seconds or so.
pub fn policy(width: usize) -> Value {
    let hidden = json!({"weight": vec![[0.0, 0.0, 1.0, 0.5]; width], "bias": vec![0.0; width]});
    let square = json!({"weight": vec![vec![0.001; width]; width], "bias": vec![0.0; width]});
    let out = json!({"weight": [vec![-1.0; width], vec![1.0; width]], "bias": [0.0, 0.0]});
    json!({"version": 1, "head": "values", "activation": "relu", "layers": [hidden, square, out]})
}

/// An evaluation of an agent.
pub fn evaluation(agent_state: &Value, episodes: u32) -> Value {
    json!({
        "agent_type": "DQN",
        "agent_state": agent_state,
        "environments": ["CartPole-v1"],
        "num_episodes": episodes,
        "seed": 1,
        // The work is what is tested: no stored result answers.
        "reuse": false,
    })
}

/// A small evaluation with its policy inside.
pub fn small_evaluation() -> Value {
    evaluation(&json!({"format": "mlp-json", "data": policy(4)}), 20)
}
