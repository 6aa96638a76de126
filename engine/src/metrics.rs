//! Episode statistics of one environment's evaluation.
