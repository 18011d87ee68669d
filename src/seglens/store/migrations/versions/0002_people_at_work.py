"""People at work: accounts, tokens, claims, drafts, questions asked twice, answers as they stood before a change."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply."""
    op.add_column("answers", sa.Column("edits", sa.Integer(), server_default="0", nullable=False))
    op.add_column("answers", sa.Column("revision", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "overlaps",
        sa.Column("query_id", sa.String(length=32), nullable=False),
        sa.Column("needed", sa.Integer(), nullable=False),
        sa.Column("agree", sa.Double(), nullable=False),
        sa.Column("agreement", sa.Double(), nullable=True),
        sa.Column("decided", sa.Integer(), nullable=True),
        sa.Column("reviewer", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["query_id"], ["queries.id"]),
        sa.PrimaryKeyConstraint("query_id"),
    )
    op.create_table(
        "revisions",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("answer_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("classes", sa.JSON(), nullable=False),
        sa.Column("dense", sa.LargeBinary(), nullable=True),
        sa.Column("point_y", sa.Integer(), nullable=True),
        sa.Column("point_x", sa.Integer(), nullable=True),
        sa.Column("clicks", sa.Double(), nullable=False),
        sa.Column("pixels", sa.Double(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("edits", sa.Integer(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answers.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_revisions_answer_id", "revisions", ["answer_id"])
    op.create_table(
        "people",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password", sa.String(length=256), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "tokens",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("expires", sa.Double(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.name"]),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_tokens_person", "tokens", ["person"])
    op.create_table(
        "claims",
        sa.Column("query_id", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("desk", sa.String(length=64), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["query_id"], ["queries.id"]),
        sa.PrimaryKeyConstraint("query_id", "person"),
    )
    op.create_table(
        "drafts",
        sa.Column("query_id", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["query_id"], ["queries.id"]),
        sa.PrimaryKeyConstraint("query_id", "person"),
    )


def downgrade() -> None:
    """Undo."""
    for table in ("drafts", "claims", "tokens", "people", "revisions", "overlaps"):
        op.drop_table(table)
    op.drop_column("answers", "revision")
    op.drop_column("answers", "edits")
