"""What it takes a reviewer to take somebody's answer."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply."""
    op.add_column("overlaps", sa.Column("review_seconds", sa.Double(), server_default="0", nullable=False))
    op.add_column("overlaps", sa.Column("review_clicks", sa.Double(), server_default="0", nullable=False))
    op.add_column("overlaps", sa.Column("review_edits", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    """Undo."""
    for column in ("review_edits", "review_clicks", "review_seconds"):
        op.drop_column("overlaps", column)
