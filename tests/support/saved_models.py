"""Model files of every kind that the command line serves, and the tables they are of."""

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sparsereg as sr


def sales(n_rows, seed=0):
    """Sales of houses in two cities."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({
        "key": [f"{k:04}" for k in range(n_rows)], "lat": rng.uniform(59.0, 61.0, n_rows),
        "lon": rng.uniform(10.0, 12.0, n_rows), "city": rng.choice(["Oslo", "Moss"], n_rows),
        "rooms": rng.integers(1, 7, n_rows),
    })  # fmt: skip
    table["price"] = table["rooms"] + 2.0 * (table["city"] == "Oslo") + rng.normal(scale=0.3, size=n_rows)
    table["dear"] = np.where(table["price"] > 4.5, "yes", "no")
    table["size"] = np.select([table["price"] < 3.0, table["price"] < 6.0], ["small", "middle"], "large")
    return table


TRAIN, TEST = sales(150), sales(40, seed=1)
FEATURES = [
    (sr.LatLongCross(levels=(60, 10)).fit(TRAIN[["lat", "lon"]]), ["lat", "lon"]), "rooms",
    (sr.FeatureCross(["city"]).fit(TRAIN[["city"]]), ["city"]),
]  # fmt: skip


def block(table, target):
    (found,) = sr.ArrowReader(table, target=target, features=FEATURES)
    return found


def made(fit, target, judged=False):
    """Return a table model of what a function fits to X and y."""
    train, test = block(TRAIN, target), block(TEST, target)
    model = fit(train.X, train.y)
    held_out = {**model.evaluate(test.X, test.y), "n_samples": len(TEST)} if judged else None
    return sr.TableModel(
        model, FEATURES, target=target, sources=["sales.csv"], n_samples=len(TRAIN), held_out=held_out
    )


def streamed(X, y):
    parts = [(X[k : k + 15], y[k : k + 15]) for k in range(0, X.shape[0], 15)]
    return sr.SGDClassifier(alpha=1e-3).fit_stream(parts, classes=["no", "yes"])


def models():
    """Return models by the names of their files."""
    transformer = make_column_transformer(
        (sr.LatLongCross(levels=(60,)), ["lat", "lon"]), (sr.FeatureCross(["city"]), ["city"]),
        (StandardScaler(), ["rooms"]),
    )  # fmt: skip
    pipeline = make_pipeline(transformer, sr.Lasso(0.01))
    train = block(TRAIN, "price")
    return {
        "lasso": made(sr.Lasso(0.01).fit, "price", judged=True),
        "path": made(lambda X, y: sr.lasso_path(X, y, n_alphas=30), "price", judged=True),
        "short": made(lambda X, y: sr.lasso_path(X, y, n_alphas=4), "price"),
        "cv": made(sr.LassoCV(n_alphas=6, cv=3).fit, "price"),
        "dear": made(sr.LogisticRegression(0.01).fit, "dear", judged=True),
        "dear-path": made(lambda X, y: sr.logistic_path(X, y, n_alphas=4), "dear"),
        "size": made(sr.LogisticRegression(0.01).fit, "size"),
        "stream": made(streamed, "dear"),
        # Of the whole table, target and keys with it: new rows lack what is not used.
        "pipeline": pipeline.fit(TRAIN, TRAIN["price"]),
        "log-price": TransformedTargetRegressor(pipeline, func=np.log, inverse_func=np.exp).fit(TRAIN, TRAIN["price"]),
        "frame": sr.Lasso(0.01).fit(TRAIN[["rooms"]], TRAIN["price"]),
        "plain": sr.Lasso(0.01).fit(train.X, train.y),
        "cross": FEATURES[0][0],
    }


def write_files(folder):
    """Write models, and rows to predict in every format; return the models."""
    made_models = models()
    for name, model in made_models.items():
        sr.save_model(model, folder / f"{name}.npz")
    new = TEST.drop(columns=["price", "dear", "size"])
    new.to_csv(folder / "new.csv", index=False)
    new.to_parquet(folder / "new.parquet")
    TEST.to_csv(folder / "test.csv", index=False)
    X = sparse.csr_matrix(block(TEST, "price").X)
    sparse.save_npz(folder / "X.npz", X)
    with open(folder / "X.svm", "w") as file:
        for k in range(X.shape[0]):
            row = X[[k]]
            file.write("0 " + " ".join(f"{j + 1}:{float(v)!r}" for j, v in zip(row.indices, row.data)) + "\n")
    (folder / "damaged.npz").write_bytes((folder / "lasso.npz").read_bytes()[:-80])
    return made_models
