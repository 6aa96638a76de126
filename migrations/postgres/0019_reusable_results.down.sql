DROP TABLE reusable_results;
