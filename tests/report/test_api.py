"""Reports of every kind of model: pages that hold together, and numbers that are those of the model."""

import re
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support import model_zoo
from support.html_pages import read_page

import sparsereg as sr
from sparsereg.coef import Nonzeros, SparseCoef
from sparsereg.inputs.sklearn import NotFittedError
from sparsereg.report import write_report

SECTIONS = ["What was fitted", "How good it is", "The largest weights"]
HOSTILE = [
    '<script>alert("1")</script>', "a & b's \"quotes\"", "tab\tnew\nline\x00\x1b[31m", "turned \u202e round",
    "\ud800 half", "$x^2$ and $\\frac$", "\u6771\u4eac \U0001f3e0", "-->]]></style></svg>", "x" * 500,
    "&" * 300, "", " ",
]

# One of every kind; the others differ in settings.
KINDS = [
    "lasso, settings", "lasso, nothing", "mcp", "ridge", "poisson", "svc, three", "elastic net cv", "calibrated, three",
    "ftrl, three, parts", "memory, finished", "path, mcp", "path, three", "path, names",
]


@pytest.fixture(scope="module")
def zoo():
    return dict(model_zoo.fitted())


@pytest.fixture(scope="module")
def places():
    """A table of places and houses, and what makes columns of it."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({
        "lat": 37.0 + rng.random(300), "lon": -122.0 + rng.random(300), "kind": rng.choice(["flat", "house"], 300),
        "rooms": rng.integers(1, 6, 300).astype(float),
    })  # fmt: skip
    table["price"] = 3.0 * (table["lat"] > 37.5) + table["rooms"] + (table["kind"] == "house") + rng.normal(size=300)
    table["dear"] = np.where(table["price"] > 5.0, "yes", "no")
    cross = sr.LatLongCross(levels=(60, 10)).fit(table[["lat", "lon"]])
    features = [(cross, ["lat", "lon"]), (sr.FeatureCross(["kind"]).fit(table[["kind"]]), ["kind"]), "rooms"]
    return table, features


def in_table(places, fit, target="price", n_train=200, **facts):
    table, features = places
    (block,) = sr.ArrowReader(table[:n_train], target=target, features=features)
    return sr.TableModel(fit(block.X, block.y), features, target=target, n_samples=n_train, **facts)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_model_has_a_page(zoo, name, tmp_path):
    write_report(zoo[name], tmp_path / "report.html")
    page = read_page(tmp_path / "report.html")
    assert all(section in page.text for section in SECTIONS)
    assert type(zoo[name]).__name__ in page.text
    assert ("svg" in page.tags) == (name != "lasso, nothing")
    assert "nan" not in page.text.lower().split()


def test_a_path_tells_of_its_best_fit_on_held_out_rows(places, tmp_path):
    table, _ = places
    model = in_table(places, lambda X, y: sr.lasso_path(X, y, n_alphas=15), sources=["houses.csv"])
    held_out = {**model.evaluate(table[200:]), "n_samples": 100}
    model = sr.TableModel(
        model.model, model.features, target="price", sources=["houses.csv"], n_samples=200, held_out=held_out
    )
    write_report(model, tmp_path / "report.html")
    page = read_page(tmp_path / "report.html")
    k = int(np.argmin(held_out["mse"]))
    assert k > 0
    assert "RegularizationPath of houses.csv" in page.text
    assert f"{model.model.alphas[k]:.4g} is the best on the held-out rows" in page.text
    assert f"{held_out['mse'][k]:.4g}" in page.text
    assert f"{held_out['r2'][k]:.4g} on 100 held-out rows" in page.text
    for title in ("Too small, right, too large: 100 held-out rows", "The weights along the path"):
        assert title in page.text
    assert "Where it makes a difference" in page.text
    coef, _ = model.model.at(model.model.alphas[k])
    largest = coef.ids[np.argmax(np.abs(coef.values.toarray().ravel()))]
    assert model.feature_name([largest])[0] in page.text


def test_curves_tell_name_weight_and_alpha_when_pointed_at(places, tmp_path):
    model = in_table(places, lambda X, y: sr.lasso_path(X, y, n_alphas=12))
    write_report(model, tmp_path / "report.html")
    titles = read_page(tmp_path / "report.html").titles
    path = model.model
    k = int(np.argmax(np.abs(path.sparse_coef.at(11).values.toarray())))
    last = path.sparse_coef.at(11)
    weight, name = last.values.toarray()[k, 0], model.feature_name([last.ids[k]])[0]
    assert f"{name}: {weight:.4g} at alpha {path.alphas[11]:.4g}" in titles
    named = [title for title in titles if " at alpha " in title]
    assert len({title.rpartition(": ")[0] for title in named}) == min(50, path.sparse_coef.ids.size)


@pytest.mark.parametrize("form", ["table", "reader", "file", "rows"])
def test_rows_to_judge_by_come_in_every_form(places, form, tmp_path):
    table, _ = places
    model = in_table(places, lambda X, y: sr.Lasso(0.05).fit(X, y))
    rows = table[200:]
    rows.to_csv(tmp_path / "new.csv", index=False)
    data = {
        "table": rows, "reader": model.reader(rows), "file": str(tmp_path / "new.csv"), "rows": (rows, rows["price"]),
    }[form]  # fmt: skip
    write_report(model, tmp_path / "report.html", data=data)
    page = read_page(tmp_path / "report.html")
    assert f"{model.evaluate(rows)['r2']:.4g} on rows given to this report" in page.text


def test_blocks_that_come_once_will_do(zoo, tmp_path):
    model = zoo["path, two"]
    write_report(model, tmp_path / "report.html", data=model_zoo.blocks("two"))
    page = read_page(tmp_path / "report.html")
    best = model.evaluate(model_zoo.X, model_zoo.Y["two"])["log_loss"].min()
    assert f"{best:.4g}" in page.text
    assert "come true" not in page.text  # that would need the rows again


@pytest.mark.parametrize("as_path", [True, False])
def test_probabilities_are_compared_with_what_came_true(places, as_path, tmp_path):
    table, _ = places

    def fit(X, y):
        return sr.logistic_path(X, y, n_alphas=8) if as_path else sr.LogisticRegression(0.01).fit(X, y)

    model = in_table(places, fit, "dear")
    write_report(model, tmp_path / "report.html", data=table[200:])
    page = read_page(tmp_path / "report.html")
    assert "Whether probabilities come true" in page.text
    assert f"came true for {np.mean(table['dear'][200:] == 'yes'):.3f} of these rows" in page.text
    assert "multiplies the odds by" in page.text


def test_pipelines_name_their_columns_and_take_tables(places, tmp_path):
    table, _ = places
    columns = ["lat", "lon", "kind", "rooms"]
    makers = ColumnTransformer([
        ("place", sr.LatLongCross(levels=(60, 10)), ["lat", "lon"]), ("kind", sr.FeatureCross(["kind"]), ["kind"]),
        ("number", StandardScaler(), ["rooms"]),
    ])  # fmt: skip
    pipeline = make_pipeline(makers, sr.LassoCV(cv=3, n_alphas=10, eps=0.01))
    model = TransformedTargetRegressor(pipeline, func=np.log1p, inverse_func=np.expm1)
    y = table["price"] - table["price"].min()
    model.fit(table[columns][:200], y[:200])
    write_report(model, tmp_path / "report.html", data=(table[columns][200:], y[200:]))
    page = read_page(tmp_path / "report.html")
    inner = model.regressor_
    X = inner[:-1].transform(table[columns][200:])
    assert f"{inner[-1].evaluate(X, np.log1p(y[200:]))['r2']:.4g} on rows given to this report" in page.text
    assert all(part in page.text for part in ("place: cell_60", "kind: kind", "number", "Which alpha predicts unseen"))
    assert "what was made of the target" in page.text


def test_whatever_columns_are_called(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, len(HOSTILE)))
    path = sr.lasso_path(X, X @ np.arange(1.0, len(HOSTILE) + 1.0), n_alphas=10)
    names = dict(enumerate(HOSTILE))
    object.__setattr__(path, "feature_names", np.array([*names.values()], dtype=object))
    write_report(path, tmp_path / "report.html")
    page = read_page(tmp_path / "report.html")
    assert "<script>alert(" in page.text
    assert "\\x00\\x1b[31m" in page.text
    assert "\\u202e" in page.text
    assert "\\ud800" in page.text
    assert "\u6771\u4eac \U0001f3e0" in page.text


def test_a_path_of_full_size_is_small(tmp_path):
    rng = np.random.default_rng(0)
    n_features, n_ids = 2**20, 4_000
    ids = np.sort(rng.choice(n_features, n_ids, replace=False))
    small = sr.lasso_path(sparse.eye_array(50, format="csr"), rng.normal(size=50), n_alphas=100, eps=0.01)
    grown = np.outer(rng.normal(size=n_ids), np.linspace(0.0, 1.0, 100))
    grown[:, 0] = 0.0
    object.__setattr__(small, "sparse_coef", SparseCoef(ids, Nonzeros.of(grown), n_features))
    columns = [f"a long name of a column & more of it, {k}" for k in range(3)]
    cross = sr.FeatureCross([tuple(columns)], hashed=20).fit(pd.DataFrame([["x"] * 3], columns=columns))
    write_report(sr.TableModel(small, [(cross, columns)]), tmp_path / "report.html")
    page = read_page(tmp_path / "report.html")
    assert 1_000 < len(page.titles) <= 5_500


def test_the_same_model_has_the_same_page(zoo, tmp_path):
    for name in ("one.html", "two.html"):
        write_report(zoo["path, mcp"], tmp_path / name)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


# Bad input.


def test_what_fails_leaves_the_old_file(zoo, tmp_path):
    file = tmp_path / "report.html"
    file.write_text("old")
    with pytest.raises(TypeError, match="knows no target"):
        write_report(zoo["lasso"], file, data=model_zoo.FRAME)
    with pytest.raises(ValueError, match="a tuple of 4 is not allowed"):
        write_report(zoo["lasso"], file, data=(1, 2, 3, 4))
    with pytest.raises(ValueError, match="is expecting 1000000000000 features"):
        write_report(zoo["lasso"], file, data=(np.ones((3, 2)), np.ones(3)))
    with pytest.raises(NotFittedError):
        write_report(zoo["no fit"], file)
    with pytest.raises(TypeError, match="model: an object of type LatLongCross is not allowed, expected a fitted"):
        write_report(sr.LatLongCross().fit([[0.0, 0.0]]), file)
    assert file.read_text() == "old"
    assert [*tmp_path.iterdir()] == [file]


def test_a_folder_that_is_missing(zoo, tmp_path):
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path))):
        write_report(zoo["lasso"], tmp_path / "missing" / "report.html")


def test_without_matplotlib_the_extra_is_named(zoo, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=re.escape("pip install 'sparsereg-wide[plot]'")):
        write_report(zoo["lasso"], tmp_path / "report.html")
    assert [*tmp_path.iterdir()] == []
