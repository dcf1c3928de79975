"""Reference runs of Vowpal Wabbit's --ftrl, written next to this script as vw_ftrl.json.

python make_vw.py        with an interpreter that has the packages vowpalwabbit and numpy

Features are written as whole numbers, which Vowpal Wabbit does not hash, so ids are those of the data. Weights and
states are written by it as hexadecimal float32, so they are exact; predictions and losses have six digits.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

LEVELS = (3, 40, 150)  # of the three one-hot groups
N_ROWS = 300
CONSTANT = 11_650_396  # Vowpal Wabbit's own id of the constant, before it is cut to the bits of the table
BITS = 18
SETTINGS = {"ftrl_alpha": 0.1, "ftrl_beta": 1.0, "l1": 0.5, "l2": 0.0}
CASES = (
    {"loss": "logistic", "constant": False},
    {"loss": "logistic", "constant": True},
    {"loss": "logistic", "constant": False, "weighted": True},
    {"loss": "logistic", "constant": False, "l1": 0.0, "l2": 2.0},
    {"loss": "squared", "constant": False},
    {"loss": "squared", "constant": True},
    {"loss": "squared", "constant": False, "weighted": True, "ftrl_alpha": 1.0, "ftrl_beta": 0.0, "l1": 0.1},
)
UNCUT = ("--min_prediction", -1000, "--max_prediction", 1000)
CONVENTIONS = (
    "squared loss is (y - p)^2 without a half, so its derivative is 2 (p - y); the weights are those of the loss with "
    "the half at ftrl_beta / 2, l1 / 2, l2 / 2 and the same ftrl_alpha",
    "logistic loss is log(1 + exp(-y p)) with labels -1 and 1",
    "p would be cut to the range of 0 and the labels seen so far (to [-50, 50] for logistic loss) before the loss and "
    "the derivative are taken; here --min_prediction and --max_prediction keep it whole",
    "a row of weight s gives the gradient g = s * derivative * x; the average loss is sum(s * loss) / sum(s)",
    "for every entry of the row: z += g - (sqrt(n + g^2) - sqrt(n)) / ftrl_alpha * w; n += g^2",
    "then w = 0 where |z| <= l1, else (sign(z) l1 - z) / ((ftrl_beta + sqrt(n)) / ftrl_alpha + l2)",
    "l1 and l2 are fixed: they neither grow with the rows nor are they divided by their number",
    "the constant is a feature of value 1 that is learned and penalised like any other",
    "the arithmetic is float32",
)


def make_rows():
    """Rows with a level of each group and one measured feature, and a signal."""
    rng = np.random.default_rng(12)
    starts = 1 + np.cumsum([0, *LEVELS])
    levels = [np.minimum(rng.geometric(2.0 / size, N_ROWS) - 1, size - 1) for size in LEVELS]
    indices = np.column_stack([*(level + start for level, start in zip(levels, starts)), np.full(N_ROWS, starts[-1])])
    values = np.ones(indices.shape)
    values[:, -1] = rng.normal(size=N_ROWS).round(2)
    effects = rng.normal(size=starts[-1] + 1) * (rng.random(starts[-1] + 1) < 0.4)
    return indices, values, (effects[indices] * values).sum(axis=1), rng


def write_rows(path, y, weight, indices, values):
    """Write the text that Vowpal Wabbit reads."""
    with path.open("w") as file:
        for label, importance, ids, row in zip(y, weight, indices, values):
            features = " ".join(f"{j}:{value:g}" for j, value in zip(ids, row))
            file.write(f"{label:g} {importance:g} | {features}\n")


def run(case, rows, folder):
    """Run one case: settings, progressive predictions, average loss, and id, weight, z and n of every feature met."""
    settings = SETTINGS | {key: value for key, value in case.items() if key in SETTINGS}
    weight = rows["weight"] if case.get("weighted") else [1.0] * N_ROWS
    write_rows(folder / "rows.txt", rows["y"][case["loss"]], weight, rows["ids"], rows["values"])
    options = ["--ftrl", "--loss_function", case["loss"], "-b", BITS, *UNCUT]
    options += [part for key, value in settings.items() for part in (f"--{key}", value)]
    options += [] if case["constant"] else ["--noconstant"]
    outputs = ["-d", "rows.txt", "-r", "raw.txt", "--readable_model", "model.txt", "--hexfloat_weights"]
    command = [sys.executable, "-m", "vowpalwabbit", *map(str, options), *outputs]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    average = re.search(r"^average loss = (\S+)", done.stdout + done.stderr, re.MULTILINE)
    states = re.findall(r"^(\d+):(\S+) (\S+) (\S+)$", (folder / "model.txt").read_text(), re.MULTILINE)
    return {
        "loss": case["loss"],
        "constant": case["constant"],
        "weighted": bool(case.get("weighted")),
        **settings,
        "command": "vw " + " ".join(map(str, options)),
        "average_loss": float(average[1]),
        "predictions": [float(line) for line in (folder / "raw.txt").read_text().split()],
        "ids": [int(state[0]) for state in states],
        **{key: [shortest(state[k]) for state in states] for k, key in enumerate(("weights", "z", "n"), start=1)},
    }


def shortest(written):
    """The number with the fewest decimals that is the same float32 as the hexadecimal one."""
    return float(str(np.float32(float.fromhex(written))))


def main():
    """Make the rows, run every case and write the file."""
    indices, values, signal, rng = make_rows()
    rows = {
        "ids": indices.tolist(),
        "values": values.tolist(),
        "weight": rng.choice([0.5, 1.0, 2.0, 3.0], N_ROWS).tolist(),
        "y": {
            "logistic": np.where(rng.random(N_ROWS) < 1.0 / (1.0 + np.exp(-2.0 * signal)), 1.0, -1.0).tolist(),
            "squared": (signal + rng.normal(scale=0.3, size=N_ROWS)).round(2).tolist(),
        },
    }
    with tempfile.TemporaryDirectory() as folder:
        cases = [run(case, rows, Path(folder)) for case in CASES]
    golden = {
        "made_by": f"vowpalwabbit {version('vowpalwabbit')}",
        "source": "simulated by make_vw.py",
        "conventions": CONVENTIONS,
        "n_bits": BITS,
        "constant_id": CONSTANT % 2**BITS,
        "rows": rows,
        "cases": cases,
    }
    path = Path(__file__).with_name("vw_ftrl.json")
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
