"""begin

Revision ID: 0001
"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: Union[str, None] = None
branch_labels: Union[str, Sequence[str], None] = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("email", sa.Text(), nullable=True, unique=True),
        sa.Column("kind", sa.Enum("admin", "guest", name="user_kind"),
                  server_default="guest", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True),
                  server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", sa.DateTime(), server_default=sa.func.now()),
        sa.Column("rate", sa.Numeric(10, 2), server_default=sa.text("0")),
        sa.Column("is_active", sa.Boolean(), server_default=sa.true()),
        sa.Column("Weird Name", sa.SmallInteger(), index=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", "kind", name="uq_users_name_kind"),
        sa.CheckConstraint("rate >= 0", name="rate_not_negative"),
    )
    op.create_index(op.f("ix_users_created_at"), "users", ["created_at"],
                    unique=False)
    t = op.create_table(
        "orders",
        sa.Column("id", postgresql.UUID(as_uuid=True),
                  server_default=sa.text("gen_random_uuid()"),
                  primary_key=True),
        sa.Column("user_id", sa.Integer,
                  sa.ForeignKey("users.id", ondelete="CASCADE"),
                  nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()),
                  server_default=sa.text("'{}'::jsonb")),
        sa.Column("tags", postgresql.ARRAY(sa.String(20))),
        sa.Column("total", sa.BigInteger, sa.Computed("1 + 1")),
        sa.Column("ratio", sa.Float()),
        sa.Column("raw", sa.LargeBinary()),
        sa.Column("payload",
                  sa.JSON().with_variant(postgresql.JSONB(), "postgresql")),
        comment="what people bought",
    )
    op.create_table(
        "lines",
        sa.Column("order_id", postgresql.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True)),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"],
                                name="fk_lines_orders", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("order_id", "number", name="lines_key"),
    )
    op.bulk_insert(t, [])
    op.execute("INSERT INTO users (name) VALUES ('first'), ('it''s')")


def downgrade() -> None:
    op.drop_table("lines")
    op.drop_table("orders")
    op.drop_index(op.f("ix_users_created_at"), table_name="users")
    op.drop_table("users")
    sa.Enum(name="user_kind").drop(op.get_bind(), checkfirst=False)
