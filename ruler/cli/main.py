"""The entry point: arguments in, an exit code out; an error a person can mend is one line on stderr."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from ruler._version import __version__
from ruler.cli import bench, cache, caption, compare, detect, doctor, induce, report, rules
from ruler.cli import demo as demo_
from ruler.errors import RulerError

_INTERRUPTED = "interrupted; the same command goes on where it stopped"

app = typer.Typer(
    name="ruler",
    help="Find anomalies in video by reasoning with rules that a person can read, edit and check.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    if version:
        print(f"ruler {__version__}")
        raise typer.Exit


app.command("demo")(demo_.command)
app.command("caption")(caption.command)
app.command("induce")(induce.command)
app.command("detect")(detect.command)
app.add_typer(rules.app, name="rules")
app.command("report")(report.command)
app.command("bench")(bench.command)
app.command("compare")(compare.command)
app.command("doctor")(doctor.command)
app.add_typer(cache.app, name="cache")


def main() -> NoReturn:
    """Run the command line and leave with its exit code: 0, 2, 3, 4, 5, or 130 where interrupted."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command line with these arguments.

    Returns:
        The exit code.
    """
    try:
        code = app(arguments, standalone_mode=False, prog_name="ruler")
        sys.stdout.flush()
    except RulerError as error:
        return _say(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _say(_INTERRUPTED, 130)
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(getattr(error, "format_message", error.__str__)(), file=sys.stderr)
            return 2
        said = getattr(error, "format_message", error.__str__)()
        return _say(f"{said} See 'ruler --help'.", 2)
    except BrokenPipeError:
        # The reader of our output went away (`ruler … | head`): nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _say(f"{place}{error.strerror or error}; check that it exists and may be read and written", 2)
    if code == 130:
        return _say(_INTERRUPTED, 130)
    return code if isinstance(code, int) else 0


def _say(line: str, code: int) -> int:
    print(f"ruler: {line}", file=sys.stderr)
    return code
