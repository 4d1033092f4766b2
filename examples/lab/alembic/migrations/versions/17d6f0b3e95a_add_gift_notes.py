"""Keep a gift note with an order

Revision ID: 17d6f0b3e95a
Revises: c2975e1ad083
Create Date: 2026-11-03 22:10:00
"""
import sqlalchemy as sa
from alembic import op

revision = "17d6f0b3e95a"
down_revision = "c2975e1ad083"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("gift_note", sa.Text()))
    op.create_table(
        "gift_wraps",
        sa.Column("id", sa.Integer(), sa.Identity(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
    )


def downgrade():
    op.drop_table("gift_wraps")
    op.drop_column("orders", "gift_note")
