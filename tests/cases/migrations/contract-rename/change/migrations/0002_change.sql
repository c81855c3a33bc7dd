ALTER TABLE customer RENAME COLUMN nickname TO alias;
