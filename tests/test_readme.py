"""The README: whatever it says is printed is printed, whatever it points at is there."""

import difflib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.checkout import ROOT

import sparsereg

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "bench" / "README.md", *sorted((ROOT / "sparsereg").rglob("*.md"))]

# A program, and right below it what it prints: everything, but for lines in the place of which stand three dots.
EXAMPLE = re.compile(
    r"^```(?P<language>python|sh)\n(?P<program>.*?)^```\n(?:```\n(?P<printed>.*?)^```$)?", flags=re.M | re.S
)
EXAMPLES = [found.groupdict(default="") for found in EXAMPLE.finditer(README)]
END = "\N{SYMBOL FOR END OF TRANSMISSION}"


def outputs(language, folder):
    """Run all programs of a language in one go, in their order; return what each has printed."""
    separate = {"python": f"\nprint({END!r}, flush=True)\n", "sh": f"\nprintf '%s\\n' '{END}'\n"}[language]
    programs = [example["program"] + separate for example in EXAMPLES if example["language"] == language]
    name = folder / f"readme.{language}"
    name.write_text("".join(programs), encoding="utf-8")
    here = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(Path(sparsereg.__file__).parents[1]),
        "PYTHONIOENCODING": "utf-8",
        "MPLBACKEND": "agg",
    }
    command = {"python": [sys.executable], "sh": ["sh", "-e"]}[language]
    done = subprocess.run(
        [*command, name], cwd=folder, env={**os.environ, **here}, capture_output=True, encoding="utf-8"
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout.split(f"{END}\n")[:-1]


def differences(printed, output):
    """Return how an output differs from what the page shows of it; nothing if it does not."""
    lines = printed.splitlines(keepends=True)
    pattern = "".join(r"(?:.*\n)*?" if line == "...\n" else re.escape(line) for line in lines)
    if re.fullmatch(pattern, output):
        return ""
    return "".join(difflib.unified_diff(lines, output.splitlines(True), "README.md", "printed"))


def test_what_it_shows_is_what_is_printed(tmp_path):
    """Commands come first: the Python code reads the table that they write."""
    wrong = []
    for language in ("sh", "python"):
        shown = [example["printed"] for example in EXAMPLES if example["language"] == language]
        printed = outputs(language, tmp_path)
        assert len(printed) == len(shown) > 0
        wrong += filter(None, map(differences, shown, printed))
    assert not wrong, "\n".join(wrong)


def test_every_program_of_it_is_run():
    n_fences = len(re.findall(r"^```", README, flags=re.M))
    assert n_fences == sum(4 if example["printed"] else 2 for example in EXAMPLES)


@pytest.mark.parametrize(
    ("printed", "output", "is_right"),
    [
        ("R2 0.76\n", "R2 0.76\n", True),
        ("R2 0.76\n", "R2 0.77\n", False),
        ("R2 0.76\n", "R2 0.76\nmore\n", False),
        ("", "R2 0.76\n", False),
        ("R2 0.76\n", "", False),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("a\n...\nd\n", "a\nb\nc\ne\n", False),
        ("a...\nd\n", "a\nb\nd\n", False),
        ("a.c\n", "abc\n", False),
    ],
)
def test_an_output_that_differs_is_found(printed, output, is_right):
    assert (differences(printed, output) == "") is is_right


def test_it_is_a_front_door():
    lines = README.splitlines()
    assert len(lines) <= 300
    assert max(len(line) for line in lines if not line.startswith("|")) <= 120
    assert lines.index("sparsereg predict houses.npz houses.csv -o predicted.csv") < 100


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        name, _, section = target.partition("#")
        other = (page.parent / name).resolve() if name else page
        assert other.is_file(), f"{target}: no such file"
        if section:
            titles = re.findall(r"^#+ (.+)$", other.read_text(encoding="utf-8"), flags=re.M)
            anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
            assert section in anchors, f"{target}: no such section"
