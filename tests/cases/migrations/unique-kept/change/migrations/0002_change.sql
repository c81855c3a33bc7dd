CREATE UNIQUE INDEX CONCURRENTLY one_order ON orders (customer_id, total, code);
ALTER TABLE orders ADD CONSTRAINT one_order UNIQUE USING INDEX one_order;
