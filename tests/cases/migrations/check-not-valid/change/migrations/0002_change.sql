ALTER TABLE orders ADD CONSTRAINT no_refunds CHECK (total >= 0) NOT VALID;
