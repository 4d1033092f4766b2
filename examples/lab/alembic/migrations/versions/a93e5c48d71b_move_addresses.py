"""Give addresses a table of their own

Revision ID: a93e5c48d71b
Revises: c2975e1ad083
Create Date: 2026-11-03 22:10:00
"""
import sqlalchemy as sa
from alembic import op

revision = "a93e5c48d71b"
down_revision = "c2975e1ad083"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "addresses",
        sa.Column("customer_id", sa.Integer(),
                  sa.ForeignKey("customers.id", ondelete="CASCADE"),
                  primary_key=True, autoincrement=False),
        sa.Column("line", sa.Text(), nullable=False),
    )
    op.execute("insert into addresses"
               " select id, address from customers where address is not null")
    op.drop_column("customers", "address")


def downgrade():
    op.add_column("customers", sa.Column("address", sa.Text()))
    op.execute("update customers c set address = a.line"
               " from addresses a where a.customer_id = c.id")
    op.drop_table("addresses")
