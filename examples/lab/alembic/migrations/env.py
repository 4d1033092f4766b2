"""Which database Alembic works on, and one transaction a revision.

SHOP_DATABASE_URL is its address, or SHOP_DATABASE_FILE names a file that
holds it: an address is a secret, and an argument of a command is none."""
import os
import pathlib

import sqlalchemy
from alembic import context


def database_url():
    url = os.environ.get("SHOP_DATABASE_URL")
    if url is None:
        path = os.environ["SHOP_DATABASE_FILE"]
        url = pathlib.Path(path).read_text().strip()
    return url


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
