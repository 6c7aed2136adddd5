"""The report page of a finished run, and the pictures on it."""

from ruler.report.html import render_report, write_report
from ruler.report.keyframes import draw_keyframe
from ruler.report.model import RuleRow, RunView, VideoView
from ruler.report.run import report_run

__all__ = ["RuleRow", "RunView", "VideoView", "draw_keyframe", "render_report", "report_run", "write_report"]
