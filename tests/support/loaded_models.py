"""Models that another process has saved: loaded without pickle, they predict what they did there, bit for bit.

Run as a script: `python loaded_models.py FOLDER`, with files `NUMBER.npz` and what they predict, `NUMBER.expected.npz`.
"""

import pickle
import sys
import warnings
from pathlib import Path

import numpy as np
from support import model_zoo

import sparsereg as sr


def refuse(*arguments, **named):
    raise AssertionError("pickle is called")


def main(folder):
    pickle.load = pickle.loads = pickle.Unpickler = pickle.dump = pickle.dumps = pickle.Pickler = refuse
    n_arrays = 0
    for number in range(len(list(folder.glob("*.expected.npz")))):
        model = sr.load_model(folder / f"{number}.npz")
        with np.load(folder / f"{number}.expected.npz", allow_pickle=False) as expected:
            found = model_zoo.predictions(model) if model_zoo.is_fitted(model) else {}
            assert found.keys() == set(expected), (number, model)
            for name, array in found.items():
                assert array.dtype == expected[name].dtype, (number, model, name)
                assert array.tobytes() == expected[name].tobytes(), (number, model, name)
                n_arrays += 1
    print(n_arrays)


if __name__ == "__main__":
    warnings.simplefilter("error")
    main(Path(sys.argv[1]))
