"""The report of a stress run: one HTML file that needs no network, and its tables as a workbook, in two languages."""

from scenarios.report.catalogue import LANGUAGES
from scenarios.report.findings import NoRun
from scenarios.report.page import write_report
from scenarios.report.weeks import NotTied
from scenarios.report.workbook import write_tables

__all__ = ["LANGUAGES", "NoRun", "NotTied", "write_report", "write_tables"]
