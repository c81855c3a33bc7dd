ALTER TABLE customer ADD CONSTRAINT one_name UNIQUE (name);
