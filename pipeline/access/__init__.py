"""Who may do what in the live database: the declared matrix, what is measured, logins, and partners' families."""

from pipeline.access.parts import record_parts

__all__ = ["record_parts"]
