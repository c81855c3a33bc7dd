ALTER TABLE customer ADD COLUMN height integer CHECK (height > 0);
