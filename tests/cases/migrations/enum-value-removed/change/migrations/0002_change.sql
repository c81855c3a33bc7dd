ALTER TYPE state RENAME TO state_before;
CREATE TYPE state AS ENUM ('new', 'paid');
DROP VIEW paid;
ALTER TABLE orders ALTER COLUMN state DROP DEFAULT;
ALTER TABLE orders ALTER COLUMN state TYPE state USING state::text::state;
ALTER TABLE orders ALTER COLUMN state SET DEFAULT 'new';
DROP TYPE state_before;
CREATE VIEW paid AS SELECT id, total FROM orders WHERE state = 'paid';
