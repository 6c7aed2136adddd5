"""A run's folder: what a run finds out goes in, record by record, and comes out again when the run goes on or is read.

    runs/x/
      run.json                    what was asked, by which version, how far each video is, what it cost
      .lock                       held by the process that writes
      a/observations.jsonl        append-only, one record per line
      a/verdicts.jsonl            append-only
      a/scores.csv                frame,time,score
      a/events.json
      a/keyframes/

Lines are handed to the system one by one, so a killed process loses at most the line it was writing. All other files
are replaced whole. One process writes at a time; any number may read.
"""

from ruler.rundir.captions import CaptionRecord
from ruler.rundir.files import RecordLog
from ruler.rundir.record import RunRecord, Usage, VideoRecord, VideoStatus
from ruler.rundir.run import RunFolder, RunReader
from ruler.rundir.video import VideoFolder, VideoReader

__all__ = [
    "CaptionRecord",
    "RecordLog",
    "RunFolder",
    "RunReader",
    "RunRecord",
    "Usage",
    "VideoFolder",
    "VideoReader",
    "VideoRecord",
    "VideoStatus",
]
