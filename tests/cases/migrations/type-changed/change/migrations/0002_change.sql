ALTER TABLE customer ALTER COLUMN email TYPE jsonb USING to_jsonb(email);
