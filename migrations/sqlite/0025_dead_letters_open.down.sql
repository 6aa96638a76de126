DROP INDEX dead_letters_open;
