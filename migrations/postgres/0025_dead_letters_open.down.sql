-- no-transaction
DROP INDEX CONCURRENTLY dead_letters_open;
