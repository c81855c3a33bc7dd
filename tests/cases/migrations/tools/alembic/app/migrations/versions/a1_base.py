import sqlalchemy as sa
from alembic import op

revision = "a1"
down_revision = None


def upgrade():
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("code", sa.String(20), nullable=False),
        sa.Column("note", sa.Text),
    )


def downgrade():
    op.drop_table("orders")
