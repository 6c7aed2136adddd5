"""The ground rules of the project, held by tests: what may be named, imported and how long a file may grow."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
MODULES = sorted((CHECKOUT / "ruler").rglob("*.py"))
OURS = [
    path
    for folder in ("ruler", "prompts", "configs", "docs", "tests", "benchmarks", ".ci")
    for path in sorted((CHECKOUT / folder).rglob("*"))
    if path.is_file() and "__pycache__" not in path.parts
] + [CHECKOUT / name for name in ("README.md", "Makefile", "pyproject.toml")]

# What the class lists of Ped1/2, Avenue, ShanghaiTech, UBnormal, UCF-Crime, XD-Violence and MSAD call their anomalies.
# Names that are ordinary words of code and prose as well ("running", "fire") are searched in prompts and configs alone.
NAMES = r"""
    bicycl\w* | bik(e|es|er|ers|ing) | cycl(ist|ists|ing) | motorcycl\w* | motorbik\w* | mopeds?
    | skat(e|es|ed|er|ers|ing) | skateboard\w* | scoot(er|ers|ing) | wheelchairs? | carts? | trucks? | strollers?
    | jump(s|ed|ing) | jaywalk\w* | loiter\w* | chas(ed|ing) | brawl\w* | crawling | limping | drunk\w* | dancing
    | stumbl\w* | fainting | seizure | abus(e|es|ed|ing|ive) | arrest\w* | arson\w* | assault\w* | burglar\w*
    | explo(de|des|ded|ding|sion|sions) | fight\w* | robb(er|ers|ery|eries|ing) | shootings? | gunshots? | shoplift\w*
    | steal\w* | stole | vandal\w* | riot\w* | (car|road|traffic)\ accidents? | car\ crash\w* | water\ incident
"""
ORDINARY = r"""
    run(s|ning) | fall(s|en|ing) | fell | throw(s|n|ing) | pushing | sleeping | fire | smoke | shooting
    | crash(es|ed|ing)? | accidents? | cars? | lying\ down | wrong\ direction
"""
ANYWHERE = re.compile(rf"\b({NAMES})\b", re.IGNORECASE | re.VERBOSE)
IN_PROMPTS = re.compile(rf"\b({NAMES}|{ORDINARY})\b", re.IGNORECASE | re.VERBOSE)

EXEMPT = (
    "ruler/demo/",  # the scene of the demo
    "ruler/rules/inflection.py",  # grammar: the forms of irregular verbs, of which none is looked for by itself
)


def anomalies_named(name: str, text: str) -> list[str]:
    """Where a file of the wheel names an anomaly of a benchmark, as "file:line: words"."""
    if name.startswith(EXEMPT):
        return []
    search = IN_PROMPTS if name.startswith("ruler/_assets/") else ANYWHERE
    lines = enumerate(text.splitlines(), start=1)
    return [f"{name}:{number}: {match.group()}" for number, line in lines for match in search.finditer(line)]


def test_no_anomaly_of_a_benchmark_is_shipped(wheel):
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert "ruler/schema.py" in files
    texts = {name: data.decode("utf-8", "replace") for name, data in files.items() if b"\0" not in data}
    found = [named for name, text in texts.items() for named in anomalies_named(name, text)]
    assert not found, "\n".join(found)


def test_the_search_for_anomalies_finds_them():
    for sentence in (
        "A person riding a bicycle",
        "Skateboarding",
        "two men fighting",
        "a scooter",
        "a Car accident here",
    ):
        assert anomalies_named("ruler/llm/base.py", sentence)
    for sentence in ("frames per cycle", "the dataset's license", "a running median", "a person is walking"):
        assert not anomalies_named("ruler/llm/base.py", sentence)
    assert anomalies_named("ruler/_assets/configs/default.yaml", "a: 1\nkeywords: [running]") == [
        "ruler/_assets/configs/default.yaml:2: running"
    ]


def test_no_file_knows_where_it_was_written():
    found = {}
    for path in OURS:
        here = re.search(
            r"(?<![\w.$~{])/(?:home|root|Users|work)/\w.{0,40}", path.read_bytes().decode("utf-8", "replace")
        )
        if here:
            found[str(path.relative_to(CHECKOUT))] = here.group()
    assert not found


def test_no_file_is_longer_than_400_lines():
    code = [p for p in OURS if p.suffix in {".py", ".jinja", ".j2", ".js", ".css", ".html"}]
    lengths = {str(p.relative_to(CHECKOUT)): len(p.read_text(encoding="utf-8").splitlines()) for p in code}
    assert len(lengths) > len(MODULES)
    assert not {name: length for name, length in lengths.items() if length > 400}


def test_every_module_begins_with_one_line_that_says_what_it_is():
    without = []
    for path in MODULES:
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        first, _, rest = docstring.partition("\n")
        if not first.endswith((".", ":")) or (rest and not rest.startswith("\n")):
            without.append(str(path.relative_to(CHECKOUT)))
    assert not without


def public_modules() -> list[str]:
    """Names of all modules that can be imported without an extra."""
    names = [".".join(p.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__") for p in MODULES]
    return [name for name in names if not name.endswith("__main__")]


WATCHED_IMPORT = """
import importlib, socket, sys
def refuse(*args, **kwargs):
    raise AssertionError("the network was asked")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
for name in sys.argv[1:]:
    importlib.import_module(name)
loaded = {name.partition(".")[0] for name in sys.modules}
print(*sorted(loaded & {"torch", "torchvision", "transformers", "decord", "accelerate", "qwen_vl_utils"}))
"""


def imported(*names: str, then: str = "") -> str:
    """What a fresh process says that imports modules with the network refused."""
    command = [sys.executable, "-c", WATCHED_IMPORT + then, *names]
    said = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT)
    assert said.returncode == 0, said.stderr
    return said.stdout.strip()


def test_importing_loads_no_optional_library_and_asks_no_network():
    assert imported("ruler") == ""
    assert imported(*public_modules()) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_importing_links_no_graphics_library():
    then = "import cv2, pathlib\nprint(sum('libGL.' in line for line in pathlib.Path('/proc/self/maps').open()))"
    assert imported(*public_modules(), then=then) == "0"


def test_one_opencv_is_installed():
    names = {distribution.metadata["Name"].lower() for distribution in metadata.distributions()}
    assert {name for name in names if name.startswith("opencv")} == {"opencv-python-headless"}


def test_the_version_has_one_source():
    import ruler

    assert metadata.version("video-ruler") == ruler.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", ruler.__version__)
    told = [p for p in MODULES if f'"{ruler.__version__}"' in p.read_text(encoding="utf-8")]
    assert [p.name for p in told] == ["_version.py"]
