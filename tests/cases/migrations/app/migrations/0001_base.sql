CREATE TYPE state AS ENUM ('new', 'paid', 'lost');
CREATE TABLE customer (
    id bigserial PRIMARY KEY,
    name varchar(40) NOT NULL,
    email text,
    nickname text,
    age integer
);
CREATE TABLE orders (
    id bigserial PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customer,
    state state NOT NULL DEFAULT 'new',
    total numeric(10, 2) NOT NULL,
    code varchar(20)
);
CREATE TABLE legacy (id bigserial PRIMARY KEY, note text);
CREATE TABLE setting (name text PRIMARY KEY, value text);
CREATE VIEW paid AS SELECT id, total FROM orders WHERE state = 'paid';
