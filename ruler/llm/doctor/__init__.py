"""What a chat model can do: a client in; findings of drawn pictures and known texts, and what it is fit for, out."""

from ruler.llm.doctor.examination import PROBES, Fitness, Report, examine
from ruler.llm.doctor.finding import Finding, Probe, Use
from ruler.llm.doctor.report import as_dict, as_text
from ruler.llm.doctor.sight import refuse_blind, sees_pictures

__all__ = [
    "PROBES",
    "Finding",
    "Fitness",
    "Probe",
    "Report",
    "Use",
    "as_dict",
    "as_text",
    "examine",
    "refuse_blind",
    "sees_pictures",
]
