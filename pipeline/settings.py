"""Where an installation keeps its things. Read when asked for, never at import; holds no secret.

The three trust zones are three folders of a home; on a real installation each stands on its own machine.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
# In the wheel of the partner's kit the declarations stand inside the package.
DECLARATIONS = next(
    (folder for folder in (PROJECT / "schemas", PROJECT / "pipeline" / "declared") if folder.is_dir()),
    PROJECT / "schemas",
)


@dataclass(frozen=True)
class Settings:
    """One installation: its home folder, its declarations, and which database it uses."""

    home: Path
    declarations: Path = DECLARATIONS
    expectations: Path = PROJECT / "expectations"
    # None: the embedded server in `home`. A URL may carry a password, so it is in no repr.
    database_url: str | None = field(default=None, repr=False)
    # None: the landing folder in `home`. Else where deliveries are handed over, for every partner ({partner} in it
    # stands for its name, else a folder of that name is meant), and a file of credentials for it.
    landing_root: str | None = None
    landing_credentials: Path | None = None

    # --- partner's zone
    def partner_home(self, partner: str) -> Path:
        return self.home / "partners" / partner

    def partner_keys(self, partner: str) -> Path:
        return self.partner_home(partner) / "keys"

    def outbox(self, partner: str) -> Path:
        return self.partner_home(partner) / "outbox"

    # --- hub's zone
    @property
    def hub(self) -> Path:
        return self.home / "hub"

    @property
    def hub_keys(self) -> Path:
        return self.hub / "keys"

    def landing(self, partner: str) -> Path:
        return self.hub / "landing" / partner

    def landing_place(self, partner: str) -> str | Path:
        """Where the partner hands over: a path or a URL. The hub fetches from elsewhere into its landing folder."""
        if self.landing_root is None:
            return self.landing(partner)
        named = (
            self.landing_root if "{partner}" in self.landing_root else f"{self.landing_root.rstrip('/')}/{{partner}}"
        )
        return named.replace("{partner}", partner)

    def accepted(self, partner: str) -> Path:
        return self.hub / "accepted" / partner

    def rejected(self, partner: str) -> Path:
        return self.hub / "rejected" / partner

    @property
    def work(self) -> Path:
        return self.hub / "work"

    @property
    def reports(self) -> Path:
        return self.hub / "reports"

    @property
    def logs(self) -> Path:
        return self.hub / "logs"

    @property
    def lineage(self) -> Path:
        return self.hub / "lineage"

    @property
    def postgres(self) -> Path:
        return self.hub / "postgres"

    @property
    def airflow(self) -> Path:
        return self.hub / "airflow"


def read_settings(home: Path | None = None, database_url: str | None = None) -> Settings:
    """Settings from the arguments, else from WHOLEFAMILY_HOME, WHOLEFAMILY_DATABASE_URL, WHOLEFAMILY_DECLARATIONS,
    WHOLEFAMILY_EXPECTATIONS, WHOLEFAMILY_LANDING and WHOLEFAMILY_LANDING_CREDENTIALS, else the defaults
    (`./wholefamily-home`, embedded)."""
    environment = os.environ
    credentials = environment.get("WHOLEFAMILY_LANDING_CREDENTIALS")
    chosen = home or Path(environment.get("WHOLEFAMILY_HOME", "wholefamily-home"))
    return Settings(
        home=chosen.expanduser().resolve(),
        declarations=Path(environment.get("WHOLEFAMILY_DECLARATIONS", DECLARATIONS)).resolve(),
        expectations=Path(environment.get("WHOLEFAMILY_EXPECTATIONS", PROJECT / "expectations")).resolve(),
        database_url=database_url or environment.get("WHOLEFAMILY_DATABASE_URL") or None,
        landing_root=environment.get("WHOLEFAMILY_LANDING") or None,
        landing_credentials=Path(credentials).expanduser().resolve() if credentials else None,
    )
