"""Reports: a fitted model as one page of HTML that needs neither network nor scripts."""

from sparsereg.report.api import write_report

__all__ = ["write_report"]
