from alembic import op
import sqlalchemy as sa

revision = "0002"
down_revision = "0001"

status = sa.Enum("new", "paid", name="order_status")
TABLE = "orders"


def upgrade():
    bind = op.get_bind()
    status.create(bind, checkfirst=True)
    op.add_column(TABLE, sa.Column("status", status, server_default="new",
                                   nullable=False))
    op.add_column(TABLE, sa.Column("parent", sa.Integer(),
                                   sa.ForeignKey("users.id", name="parent_fk")))
    op.alter_column("users", "name", existing_type=sa.String(length=50),
                    type_=sa.String(length=100), nullable=True,
                    server_default="nobody")
    op.alter_column("users", "seen_at", new_column_name="last_seen_at",
                    server_default=None)
    op.alter_column("users", "rate", type_=sa.Integer(),
                    postgresql_using="round(rate)::integer")
    with op.batch_alter_table("lines", schema=None) as batch_op:
        batch_op.add_column(sa.Column("note", sa.Text(), nullable=True))
        batch_op.create_index("ix_lines_note", ["note"], unique=False)
        batch_op.create_index(batch_op.f("ix_lines_low"),
                              [sa.text("lower(note)")])
        batch_op.create_check_constraint("number_positive", "number > 0")
        batch_op.drop_constraint("fk_lines_orders", type_="foreignkey")
        batch_op.create_foreign_key("fk_again", "orders", ["order_id"],
                                    ["id"], ondelete="RESTRICT")
    op.create_unique_constraint("uq_orders_ratio", "orders", ["ratio"])
    op.create_index("ix_some", "orders", ["user_id", "ratio"], unique=True,
                    postgresql_where=sa.text("ratio > 1"),
                    postgresql_using="btree")
    op.create_foreign_key("fk_x", "lines", "users", ["number"], ["id"],
                          onupdate="CASCADE", deferrable=True,
                          initially="DEFERRED")
    op.drop_column("orders", "raw")
    op.rename_table("lines", "order_lines")
    if bind.dialect.name == "postgresql":
        op.execute(
            """
            CREATE VIEW names AS
              SELECT name FROM users;
            COMMENT ON VIEW names IS 'only names'
            """
        )
    else:
        op.drop_table("never")
    with op.get_context().autocommit_block():
        op.create_index("ix_late", "users", ["email"],
                        postgresql_concurrently=True)


def downgrade():
    raise NotImplementedError("there is no way back")
