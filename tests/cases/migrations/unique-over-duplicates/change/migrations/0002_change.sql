ALTER TABLE setting ADD CONSTRAINT one_value UNIQUE (value);
