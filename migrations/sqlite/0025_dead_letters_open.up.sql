-- The oldest open letter is one look.
CREATE INDEX dead_letters_open ON dead_letters (at, id) WHERE state = 'open';
