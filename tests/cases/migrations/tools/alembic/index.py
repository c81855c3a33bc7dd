import sqlalchemy as sa
from alembic import op

revision = "b2"
down_revision = "a1"


def upgrade():
    op.create_index("by_code", "orders", ["code"])


def downgrade():
    op.drop_index("by_code")
