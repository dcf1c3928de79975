"""What a repaired wheel holds, against the checkout: `python .ci/wheel_contents.py WHEEL` prints its tags and sizes.

Needs pyelftools, which comes with auditwheel.
"""

import io
import re
import sys
from email.parser import Parser
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

from elftools.elf.elffile import ELFFile

CHECKOUT = Path(__file__).resolve().parents[1]
TAG = r"\.cpython-[\w-]+\.so$|\.abi3\.so$"


def expected():
    """Return what the package is made of, compiled modules without their tag."""
    package = CHECKOUT / "sparsereg"
    files = [path for path in package.rglob("*") if path.suffix in (".py", ".pyi", ".npz", ".typed")]
    modules = [path.with_suffix("") for path in package.rglob("*.pyx")]
    return {path.relative_to(CHECKOUT).as_posix() for path in files + modules}


def check_library(name, content):
    """Refuse symbols that only debuggers read; return the newest version of the C library that it asks for."""
    elf = ELFFile(io.BytesIO(content))
    left = [section.name for section in elf.iter_sections() if re.match(r"\.(z?debug_|symtab)", section.name)]
    if left:
        sys.exit(f"{name} is not stripped: it has {', '.join(left)}")
    needed = elf.get_section_by_name(".gnu.version_r")
    symbols = [symbol.name for _, symbols in needed.iter_versions() for symbol in symbols]
    return max([tuple(map(int, symbol[6:].split("."))) for symbol in symbols if symbol.startswith("GLIBC_2")])


def main(path):
    """Check, and print a line."""
    with ZipFile(path) as wheel:
        contents = {info.filename: wheel.read(info) for info in wheel.infolist() if not info.is_dir()}
    distribution = path.name.split("-")[0]
    found, rest, glibc = set(), [], []
    for name, content in contents.items():
        top = PurePosixPath(name).parts[0]
        if re.search(r"\.so(\.|$)", name):
            glibc.append(check_library(name, content))
        if top == "sparsereg":
            found.add(re.sub(TAG, "", name))
        elif not re.fullmatch(rf"{distribution}-[\w.+]+\.dist-info", top):
            rest.append(name)  # libraries that came along among them
    missing, more = sorted(expected() - found), sorted(found - expected()) + rest
    if missing or more:
        sys.exit(f"{path.name} lacks {missing or 'nothing'} and has {more or 'nothing'} beside what it should")
    for licence in ("LICENSE", "NOTICE"):
        if not any(name.endswith(f".dist-info/licenses/sparsereg/{licence}") for name in contents):
            sys.exit(f"{path.name} has no {licence}")
    (metadata,) = (text.decode() for name, text in contents.items() if name.endswith(".dist-info/WHEEL"))
    tags = " ".join(Parser().parsestr(metadata).get_all("Tag"))
    newest = ".".join(map(str, max(glibc)))
    size, unpacked = path.stat().st_size / 1e6, sum(map(len, contents.values())) / 1e6
    print(f"{path.name}: {size:.1f} MB, {unpacked:.1f} MB unpacked, symbols of glibc up to {newest}\n  tags {tags}")


main(Path(sys.argv[1]))
