ALTER TABLE setting ADD CONSTRAINT short CHECK (length(value) < 10) NOT VALID;
