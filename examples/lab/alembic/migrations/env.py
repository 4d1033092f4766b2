"""Which database Alembic works on, and one transaction a revision."""
import os
import pathlib

import sqlalchemy
from alembic import context


def database_url():
    given = context.get_x_argument(as_dictionary=True)
    path = given.get("database_file") or os.environ["SHOP_DATABASE_FILE"]
    return pathlib.Path(path).read_text().strip()


def run_offline():
    """`--sql`: print what would be run."""
    context.configure(dialect_name="postgresql", literal_binds=True,
                      transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


def run_online():
    engine = sqlalchemy.create_engine(database_url(),
                                      poolclass=sqlalchemy.pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection,
                          transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
