ALTER TABLE customer ADD COLUMN a text; ALTER TABLE nobody ADD COLUMN b text;
