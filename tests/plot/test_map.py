"""Maps: every pixel shows what the model says of its middle, and none where no cell has a weight."""

import numpy as np
import pytest

from sparsereg import Lasso, LatLongCross, LogisticRegression, PoissonRegressor, lasso_path
from sparsereg.plot import plot_map

LEVELS = (60, 30, 10)


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(0).uniform([40.0, -5.0], [43.0, -1.0], (400, 2))


@pytest.fixture(scope="module")
def cross(points):
    return LatLongCross(levels=LEVELS).fit(points)


@pytest.fixture(scope="module")
def target(points):
    return np.sin(3 * points[:, 0]) + (points[:, 1] > -3) + 0.1 * np.random.default_rng(1).normal(size=len(points))


@pytest.fixture(scope="module")
def model(points, cross, target):
    return Lasso(alpha=1e-4).fit(cross.transform(points), target)


def pixels(ax):
    """Return the middles of the pixels, latitude and longitude, and their values."""
    (image,) = ax.images
    values = image.get_array().filled(np.nan) if np.ma.isMaskedArray(image.get_array()) else image.get_array()
    west, east, south, north = image.get_extent()
    n_lat, n_lon = values.shape
    latitude, longitude = np.meshgrid(
        south + (np.arange(n_lat) + 0.5) * (north - south) / n_lat,
        west + (np.arange(n_lon) + 0.5) * (east - west) / n_lon, indexing="ij",
    )
    return np.column_stack([latitude.ravel(), longitude.ravel()]), values.ravel()


def has_cell(model, cross, places):
    """Say where some cell, and not only a band or sector, has a weight."""
    X, first = cross.transform(places), cross.blocks_[2].start
    used = model.sparse_coef_.indices
    return np.asarray(X[:, used[used >= first]].sum(axis=1)).ravel() > 0


def test_predictions_are_those_of_the_middles(model, cross, ax):
    assert plot_map(model, cross, ax) is ax
    places, values = pixels(ax)
    there = has_cell(model, cross, places)
    assert there.any() and not there.all()
    assert np.array_equal(np.isnan(values), ~there)
    np.testing.assert_allclose(values[there], model.predict(cross.transform(places[there])), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("level", LEVELS)
def test_weights_of_a_level(model, cross, level, ax):
    plot_map(model, cross, ax, what="weights", level=level)
    places, values = pixels(ax)
    block = next(block for block in cross.blocks_ if block.name == f"cell_{level}")
    ids = cross.transform(places).indices.reshape(len(places), -1)
    of_level = ids[(ids >= block.start) & (ids < block.stop)]
    weights = np.asarray(model.sparse_coef_[:, of_level].todense()).ravel()
    np.testing.assert_array_equal(np.nan_to_num(values), weights)
    assert np.array_equal(np.isnan(values), weights == 0.0)


def test_means_of_the_response(points, target, ax):
    cross = LatLongCross(levels=LEVELS, main_effects=False)
    X = cross.transform(points)
    for model, predict in (
        (LogisticRegression(alpha=3e-3).fit(X, np.where(target > 0, "b", "a")), lambda m, X: m.predict_proba(X)[:, 1]),
        (PoissonRegressor(alpha=3e-2, l1_ratio=1.0).fit(X, np.maximum(np.rint(target), 0)), lambda m, X: m.predict(X)),
    ):
        ax.clear()
        plot_map(model, cross, ax)
        places, values = pixels(ax)
        there = ~np.isnan(values)
        np.testing.assert_allclose(values[there], predict(model, cross.transform(places[there])), rtol=1e-9)


@pytest.mark.parametrize("level", [60, 30])
def test_predictions_of_a_level(model, cross, level, ax):
    """Finer cells count as having no weight, and narrow bands with their mean over the cell."""
    plot_map(model, cross, ax, level=level)
    places, values = pixels(ax)
    there = np.flatnonzero(~np.isnan(values))
    starts = {block.name: block.start for block in cross.blocks_}
    kept = model.sparse_coef_.copy()
    kept.data[(kept.indices >= starts[{60: "cell_30", 30: "cell_10"}[level]])] = 0.0
    steps = (np.arange(level // 10) - 0.5 * (level // 10 - 1)) / 6.0
    offsets = np.array([(north, east) for north in steps for east in steps])
    inside = cross.transform((places[there, None] + offsets).reshape(-1, 2))
    expected = (inside @ kept.T).toarray().reshape(there.size, -1).mean(axis=1) + model.intercept_
    np.testing.assert_allclose(values[there], expected, rtol=1e-9)
    assert np.diff(ax.images[0].get_extent())[0] / ax.images[0].get_array().shape[1] == pytest.approx(level / 60)


def test_no_pixel_is_lost_between_those_of_the_screen(ax):
    """Every cell with a weight is seen: there are at least as many pixels on the screen as in the raster."""
    points = np.column_stack([np.linspace(60.0, 70.0, 200), np.linspace(10.0, 40.0, 200)])
    cross = LatLongCross(levels=(1,), main_effects=False)
    model = Lasso(alpha=1e-9).fit(cross.transform(points), np.arange(200.0))
    plot_map(model, cross, ax, what="weights")
    ax.figure.draw_without_rendering()
    box, shape = ax.get_window_extent(), ax.images[0].get_array().shape
    west, east, south, north = ax.images[0].get_extent()
    assert shape[0] <= box.height * (north - south) / np.ptp(ax.get_ylim())
    assert shape[1] <= box.width * (east - west) / np.ptp(ax.get_xlim())
    assert max(shape) > 100
    assert ax.get_aspect() == pytest.approx(1.0 / np.cos(np.deg2rad(0.5 * (south + north))), rel=0.01)


def test_transformed_predictions(model, cross, ax):
    plot_map(model, cross, ax, transform=np.exp, quantity="price")
    places, values = pixels(ax)
    there = ~np.isnan(values)
    expected = np.exp(model.predict(cross.transform(places[there])))
    np.testing.assert_allclose(values[there], expected, rtol=1e-9)
    assert ax.child_axes[0].get_ylabel() == "price"
    with pytest.raises(ValueError, match=r"transform: .* expected what gives a finite number for each"):
        plot_map(model, cross, ax, transform=lambda values: values[:1])


def test_weights_are_white_at_zero_and_the_ground_is_not(model, cross, ax):
    plot_map(model, cross, ax, what="weights")
    low, high = ax.images[0].get_clim()
    assert low == -high
    assert np.allclose(ax.images[0].cmap(0.5), 1.0, atol=0.04)
    assert max(ax.get_facecolor()[:3]) < 0.95


def test_model_of_a_pipeline(points, cross, target, ax):
    from sklearn.pipeline import make_pipeline

    pipeline = make_pipeline(LatLongCross(levels=LEVELS), Lasso(alpha=1e-4)).fit(points, target)
    plot_map(pipeline, None, ax)
    places, values = pixels(ax)
    there = ~np.isnan(values)
    np.testing.assert_allclose(values[there], pipeline.predict(places[there]), rtol=1e-9, atol=1e-12)


def test_the_whole_globe_is_not_turned(ax):
    """Where cells span more than half the globe, the date line stays at its ends, and nothing reaches beyond a pole."""
    points = np.array([[89.9, -179.9], [-89.9, 179.9], [10.0, 20.0], [64.0, -70.0]])
    cross = LatLongCross(levels=(60,), main_effects=False)
    plot_map(Lasso(alpha=1e-9).fit(cross.transform(points), [1.0, 2.0, 3.0, 4.0]), cross, ax)
    assert ax.images[0].get_extent() == [-180.0, 180.0, -90.0, 90.0]
    assert (ax.get_xlim(), ax.get_ylim()) == ((-180.0, 180.0), (-90.0, 90.0))


def test_class_of_several(points, cross, target, ax):
    y = np.array(["low", "mid", "top"])[np.digitize(target, [0.0, 1.0])]
    model = LogisticRegression(alpha=3e-3).fit(cross.transform(points), y)
    plot_map(model, cross, ax, label="top")
    places, values = pixels(ax)
    there = ~np.isnan(values)
    np.testing.assert_allclose(values[there], model.predict_proba(cross.transform(places[there]))[:, 2], rtol=1e-9)
    with pytest.raises(ValueError, match=r"label: None is not allowed, expected one of the classes"):
        plot_map(model, cross, ax)


def test_fit_of_a_path(points, cross, target, ax):
    path = lasso_path(cross.transform(points), target, n_alphas=10)
    plot_map(path, cross, ax, alpha=path.alphas[7])
    places, values = pixels(ax)
    there = ~np.isnan(values)
    np.testing.assert_allclose(values[there], path.predict(cross.transform(places[there]))[:, 7], rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="alpha: None is not allowed for a path"):
        plot_map(path, cross, ax)


def test_columns_beside_the_cells(points, cross, target, ax):
    from sklearn.compose import ColumnTransformer

    table = np.column_stack([points, target])
    columns = ColumnTransformer([("place", cross, [0, 1]), ("rest", "passthrough", [2])])
    X = columns.fit_transform(table)
    model = Lasso(alpha=1e-5).fit(X, target + np.cos(9.0 * points[:, 1]))
    plot_map(model, columns, ax)
    places, values = pixels(ax)
    there = ~np.isnan(values)
    effects = cross.transform(places[there]) @ model.sparse_coef_[:, :-1].T
    np.testing.assert_allclose(values[there], effects.toarray().ravel(), rtol=1e-9, atol=1e-12)


def test_both_sides_of_the_date_line(ax):
    rng = np.random.default_rng(2)
    points = np.column_stack([rng.uniform(-20, -15, 300), (rng.uniform(176, 183, 300) + 180) % 360 - 180])
    cross = LatLongCross(levels=(60, 30), main_effects=False).fit(points)
    model = Lasso(alpha=1e-3).fit(cross.transform(points), points[:, 0])
    plot_map(model, cross, ax)
    west, east, _, _ = ax.images[0].get_extent()
    assert 175 <= west < 180 < east <= 184
    ax.figure.draw_without_rendering()
    labels = [text.get_text().replace("\N{MINUS SIGN}", "-") for text in ax.get_xticklabels()]
    assert all(-180 <= float(label) <= 180 for label in labels)
    places, values = pixels(ax)
    there = ~np.isnan(values)
    np.testing.assert_allclose(values[there], model.predict(cross.transform(places[there])), rtol=1e-9)


def test_cells_smaller_than_pixels_show_their_mean(ax):
    cross = LatLongCross(levels=(1,), main_effects=False).fit([[0.0, 0.0]])
    points = np.random.default_rng(3).uniform([-60.0, -170.0], [60.0, 170.0], (3000, 2))
    X = cross.transform(points)
    model = Lasso(alpha=1e-9).fit(X, points[:, 0] + 100.0)
    plot_map(model, cross, ax, what="weights")
    values = pixels(ax)[1]
    box = ax.get_window_extent()
    assert ax.images[0].get_array().shape[0] <= box.height
    assert ax.images[0].get_array().shape[1] <= box.width
    there = np.flatnonzero(~np.isnan(values))
    assert there.size <= model.sparse_coef_.nnz
    bounds = cross.cell_bounds(model.sparse_coef_.indices)
    south, west, n_lon = *(ax.images[0].get_extent()[k] for k in (2, 0)), ax.images[0].get_array().shape[1]
    size = (ax.images[0].get_extent()[1] - west) / n_lon
    row = np.floor((0.5 * (bounds["south"] + bounds["north"]) - south) / size).astype(int)
    column = np.floor((0.5 * (bounds["west"] + bounds["east"]) - west) / size).astype(int)
    for k in there[:: there.size // 20]:
        inside = row * n_lon + column == k
        assert values[k] == pytest.approx(model.sparse_coef_.data[inside].mean())


def test_bad_maps(model, cross, points, target, ax):
    for call, complaint in (
        (lambda: plot_map(model, None, ax), "names: None is not allowed"),
        (lambda: plot_map(model, [f"x{k}" for k in range(3)], ax), "names"),
        (lambda: plot_map(model, cross, ax, what="clouds"), "what: 'clouds' is not allowed"),
        (lambda: plot_map(model, cross, ax, what="weights", level=7), "level: 7 is not allowed, .* weights: 10, 30"),
        (lambda: plot_map(model, cross, ax, alpha=1.0), "alpha: 1.0 is not allowed with Lasso"),
        (lambda: plot_map(model, cross, ax, label="a"), "label: 'a' is not allowed, expected None"),
        (lambda: plot_map(model, LatLongCross(), ax), "names: this LatLongCross is of"),
    ):
        with pytest.raises(ValueError, match=complaint):
            call()
    with pytest.raises(TypeError, match="model: LatLongCross is not allowed"):
        plot_map(cross, cross, ax)
    with pytest.raises(ValueError, match="no cell of latitude and longitude has a weight"):
        plot_map(Lasso(alpha=1e9).fit(cross.transform(points), target), cross, ax)
