//! Runs episodes in lockstep and returns them in seed order.
