"""Which scan another repeats."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("scan", sa.Column("earlier_token", sa.String(length=32), nullable=True))
    op.create_index("ix_scan_earlier_token", "scan", ["earlier_token"])


def downgrade() -> None:
    op.drop_index("ix_scan_earlier_token", "scan")
    op.drop_column("scan", "earlier_token")
