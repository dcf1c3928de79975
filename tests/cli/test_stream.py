"""``sparsereg stream``: the streaming fits of the library, their curves, checkpoints, and labels given beforehand."""


import pytest
from scipy.sparse import eye_array, save_npz
from support.commands import run_json

from sparsereg import SGDClassifier, SGDRegressor, SvmlightReader, load_model
from sparsereg.cli.main import main

WORDS = ("stream", "words.svm", "--loss", "logistic", "--alpha", "1e-3")


def test_the_model_is_that_of_the_library(here, capsys):
    found = run_json(capsys, *WORDS, "--passes", "2", "--validation", "words.svm", "--save", "words.npz")
    reader = SvmlightReader("words.svm")
    same = SGDClassifier(alpha=1e-3, random_state=0).fit_stream(reader, n_passes=2, validation=reader)
    assert found["history"]["progressive_loss"] == same.history_["progressive_loss"].tolist()
    assert found["history"]["validation_loss"] == same.history_["validation_loss"].tolist()
    assert found["validation"] == same.evaluate_stream(reader)
    assert found["n_rows"] == 2 * 500
    saved = load_model(here / "words.npz")
    assert (saved.sparse_coef_ != same.sparse_coef_).nnz == 0


def test_text_for_people(here, capsys):
    assert main([*WORDS, "--validation", "words.svm", "--passes", "12"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert max(map(len, out.splitlines())) <= 80
    curve = out[out.index("progressive loss") :].split("\n\n")[0].splitlines()[1:]
    assert (len(curve), curve[-1].split()[0]) == (10, "6,000")


def test_tables_and_regression(here, capsys):
    found = run_json(
        capsys, "stream", "houses.csv", "--target", "median_house_value", "--categorical", "ocean_proximity", "--eta0",
        "10000", "--alpha", "1", "--dropout", "0.1", "--save", "houses-stream.npz",
    )
    model = load_model(here / "houses-stream.npz")
    assert isinstance(model.model, SGDRegressor)
    assert found["n_touched"] == 5
    assert model.evaluate(here / "houses.csv")["r2"] > 0.1


def test_a_checkpoint_is_gone_on_from(here, capsys):
    whole = run_json(capsys, *WORDS, "--passes", "4")
    run_json(capsys, *WORDS, "--passes", "2", "--checkpoint", "state.ckpt")
    resumed = run_json(capsys, *WORDS, "--passes", "4", "--checkpoint", "state.ckpt", "--resume")
    assert resumed["largest"] == whole["largest"]
    assert resumed["n_rows"] == whole["n_rows"] == 2_000
    with pytest.raises(SystemExit):
        main([*WORDS, "--resume"])
    assert "--resume: needs --checkpoint" in capsys.readouterr().err


def test_labels_given_beforehand(here, capsys):
    learned, given = run_json(capsys, *WORDS), run_json(capsys, *WORDS, "--classes", "-1", "1")
    assert learned["largest"] == given["largest"]
    assert main([*WORDS, "--classes", "0", "2"]) == 1
    assert "is not among the classes [0, 2]" in capsys.readouterr().err


def test_what_a_stream_does_not_have(here, capsys):
    assert main(["stream", "words.svm", "--loss", "squared", "--label-smoothing", "0.1"]) == 1
    assert capsys.readouterr().err == "sparsereg: --label-smoothing: not for --loss squared\n"
    assert main(["stream", "houses.csv", "--target", "ocean_proximity", "--numeric", "latitude"]) == 1
    assert "--loss logistic takes texts as classes" in capsys.readouterr().err
    save_npz("bare.npz", eye_array(3, format="csr"))
    assert main(["stream", "bare.npz"]) == 1
    assert capsys.readouterr().err.startswith("sparsereg: target: there is none; .npz files need an array y")
    with pytest.raises(SystemExit):
        main([*WORDS, "--save", "one.npz", "--checkpoint", "./one.npz"])
    assert "--checkpoint: must be another file than --save" in capsys.readouterr().err
    assert main(["stream", "words.svm", "--loss", "squared", "--algorithm", "prox_sgd", "--eta0", "1000"]) == 1
    assert capsys.readouterr().err.startswith("sparsereg: ")


def test_several_alphas_in_one_pass(here, capsys):
    arguments = ("stream", "words.svm", "--loss", "logistic", "--alpha", "1e-3", "1e-2", "1e-4")
    found = run_json(capsys, *arguments, "--save", "alphas.npz")
    same = SGDClassifier(alpha=[1e-3, 1e-2, 1e-4], random_state=0).fit_stream(SvmlightReader("words.svm"))
    assert (found["alpha"], found["alphas"]) == (same.alpha_, [1e-3, 1e-2, 1e-4])
    assert found["history"]["progressive_loss"] == same.history_["progressive_loss"].tolist()
    assert load_model(here / "alphas.npz").at(1e-2).n_iter_ == 1
    assert main([*arguments]) == 0
    out = capsys.readouterr().out
    assert f"alpha = {same.alpha_:g}, the best of 3" in out
    lines = out[out.index("alpha  progressive loss") :].splitlines()[1:4]
    assert [float(line.split()[0]) for line in lines] == [1e-3, 1e-2, 1e-4]
