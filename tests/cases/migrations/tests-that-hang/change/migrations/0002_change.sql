ALTER TABLE customer ADD COLUMN country text;
