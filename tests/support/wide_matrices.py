"""Wide sparse matrices for tests: crosses of latitude and longitude, and small random ones with every blemish."""

import numpy as np
from scipy import sparse

LATITUDES, LONGITUDES = 10_800, 21_600
CROSS_WIDTH = LATITUDES + LONGITUDES + LATITUDES * LONGITUDES


def lat_long_cross(n_samples, n_places=100, seed=0, dtype=np.float64, index_dtype=np.int64):
    """Return a CSR of ones, three a row (latitude, longitude, cell of one arc-minute), clustered at places."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform((0.2 * LATITUDES, 0), (0.9 * LATITUDES, LONGITUDES), size=(n_places, 2))
    share = 1.0 / np.arange(1, n_places + 1)
    place = rng.choice(n_places, size=n_samples, p=share / share.sum())
    spread = rng.gamma(2.0, 10.0, size=n_places)[place]
    point = centre[place] + spread[:, None] * rng.standard_normal((n_samples, 2))
    latitude = np.clip(point[:, 0], 0, LATITUDES - 1).astype(np.int64)
    longitude = point[:, 1].astype(np.int64) % LONGITUDES
    cell = LATITUDES + LONGITUDES + latitude * LONGITUDES + longitude
    ids = np.stack([latitude, LATITUDES + longitude, cell], axis=1).ravel().astype(index_dtype)
    indptr = np.arange(0, 3 * n_samples + 1, 3, dtype=index_dtype)
    return sparse.csr_array((np.ones(ids.size, dtype=dtype), ids, indptr), shape=(n_samples, CROSS_WIDTH))


def raw_csr(indptr, indices, data, shape):
    """Return a CSR with these very arrays, however wrong: SciPy's constructor would refuse or convert them."""
    X = sparse.csr_array(shape)
    X.indptr, X.indices, X.data = indptr, indices, data
    return X


def coordinates_of(X):
    """Return a COO with the very entries of a raw CSR, in the same order."""
    return sparse.coo_array((X.data, (np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)), X.indices)), X.shape)


def blemished_csr(seed, n_samples=30, n_features=50, n_values=3, dtype=np.float64):
    """Return a CSR with unsorted ids, duplicates, stored zeros, empty rows and repeated rows."""
    rng = np.random.default_rng(seed)
    distinct = [
        (rng.integers(0, n_features, size), rng.integers(-n_values, n_values + 1, size))
        for size in rng.integers(0, 6, size=max(1, n_samples // 3))
    ]
    rows = [distinct[k] for k in rng.integers(0, len(distinct), size=n_samples)]
    indptr = np.cumsum([0] + [ids.size for ids, _ in rows])
    ids = np.concatenate([ids for ids, _ in rows])
    values = np.concatenate([values for _, values in rows]).astype(dtype)
    return raw_csr(indptr, ids, values, (n_samples, n_features))
