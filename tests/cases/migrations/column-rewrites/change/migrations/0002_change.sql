ALTER TABLE customer ALTER COLUMN age TYPE bigint;
