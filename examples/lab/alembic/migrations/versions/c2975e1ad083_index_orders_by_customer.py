"""Index the orders by customer

Revision ID: c2975e1ad083
Revises: 8e40b76d19fc
Create Date: 2026-11-02 16:40:00
"""
from alembic import op

revision = "c2975e1ad083"
down_revision = "8e40b76d19fc"
branch_labels = None
depends_on = None


def upgrade():
    op.create_index("orders_customer_id", "orders", ["customer_id"])


def downgrade():
    op.drop_index("orders_customer_id", table_name="orders")
