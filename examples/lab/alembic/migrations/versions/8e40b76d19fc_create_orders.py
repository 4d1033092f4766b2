"""Create customers and orders

Revision ID: 8e40b76d19fc
Revises: 5b1d3c0f7a24
Create Date: 2026-11-02 10:05:00
"""
import sqlalchemy as sa
from alembic import op

revision = "8e40b76d19fc"
down_revision = "5b1d3c0f7a24"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "customers",
        sa.Column("id", sa.Integer(), sa.Identity(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("address", sa.Text()),
        sa.UniqueConstraint("email"),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer(), sa.Identity(), primary_key=True),
        sa.Column("customer_id", sa.Integer(),
                  sa.ForeignKey("customers.id"), nullable=False),
        sa.Column("product_id", sa.Integer(),
                  sa.ForeignKey("products.id"), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("total_cents", sa.Integer(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False,
                  server_default=sa.text("now()")),
        sa.CheckConstraint("quantity > 0"),
    )


def downgrade():
    op.drop_table("orders")
    op.drop_table("customers")
