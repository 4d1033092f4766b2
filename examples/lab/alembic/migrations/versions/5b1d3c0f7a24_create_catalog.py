"""Create the catalog

Revision ID: 5b1d3c0f7a24
Revises:
Create Date: 2026-11-02 10:00:00
"""
import sqlalchemy as sa
from alembic import op

revision = "5b1d3c0f7a24"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "products",
        sa.Column("id", sa.Integer(), sa.Identity(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("price_cents", sa.Integer(), nullable=False),
        sa.Column("discount", sa.Integer()),
        sa.Column("stock", sa.Integer(), nullable=False),
    )


def downgrade():
    op.drop_table("products")
