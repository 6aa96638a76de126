//! Compares an evaluation with a baseline: checks, score, severity and the three-way verdict.
