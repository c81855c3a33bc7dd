CREATE TABLE coupon (code text NOT NULL UNIQUE, order_id bigint REFERENCES orders, CHECK (code <> ''));
CREATE INDEX ON coupon (order_id);
