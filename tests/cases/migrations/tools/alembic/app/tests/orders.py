import os

from sqlalchemy import create_engine, text


def test_an_order():
    url = os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:")
    with create_engine(url).begin() as connection:
        connection.execute(text("INSERT INTO orders (code, note) VALUES ('spring', 'x')"))
        assert connection.execute(text("SELECT code, note FROM orders")).one() == ("spring", "x")
