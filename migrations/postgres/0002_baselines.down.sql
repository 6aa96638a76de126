DROP TABLE eval_baselines;
