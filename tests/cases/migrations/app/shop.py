"""A shop's queries. A sum below zero is a refund; codes come from partners, who repeat them."""

import os
import subprocess


def ask(sql):
    argv = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", os.environ["DATABASE_URL"], "-c", sql]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()


def welcome(name):
    return ask(f"INSERT INTO customer (name) VALUES ('{name}') RETURNING id")[-1]


def customers():
    return ask("SELECT name, email FROM customer ORDER BY name")


def place(customer, *lines):
    rows = ", ".join(f"({customer}, {total}, '{code}')" for total, code in lines)
    return ask(f"INSERT INTO orders (customer_id, total, code) VALUES {rows} RETURNING id")[0]


def pay(order):
    ask(f"UPDATE orders SET state = 'paid' WHERE id = {order}")
    return ask("SELECT sum(total) FROM paid")[-1]


def lose(order):
    ask(f"UPDATE orders SET state = 'lost' WHERE id = {order}")


def setting(name):
    return ask(f"SELECT value FROM setting WHERE name = '{name}'")
