"""Regularised linear models for very wide sparse data."""

from sparsereg._sklearn import ConvergenceWarning
from sparsereg._versioned import InconsistentVersionWarning
from sparsereg.classifiers import LinearSVC, LogisticRegression
from sparsereg.cross_validation import CVProgress
from sparsereg.crosses import FeatureCross, LatLongCross
from sparsereg.cv import ElasticNetCV, LassoCV, LogisticRegressionCV, PoissonRegressorCV, RidgeCV
from sparsereg.path import enet_path, lasso_path, logistic_path, poisson_path, regularization_path, ridge_path
from sparsereg.path_result import RegularizationPath
from sparsereg.regressors import ElasticNet, HuberRegressor, Lasso, PoissonRegressor, Ridge
from sparsereg.solvers.base import Progress
from sparsereg.solvers.learner import DivergenceError
from sparsereg.streaming.blocks import Block
from sparsereg.streaming.sgd import SGDClassifier, SGDRegressor
from sparsereg.streaming.svmlight import SvmlightReader
from sparsereg.streaming.tables import CsvReader, ParquetReader

__version__ = "0.1.0"
__all__ = [
    "Block",
    "CVProgress",
    "ConvergenceWarning",
    "CsvReader",
    "DivergenceError",
    "ElasticNet",
    "ElasticNetCV",
    "FeatureCross",
    "HuberRegressor",
    "InconsistentVersionWarning",
    "Lasso",
    "LassoCV",
    "LatLongCross",
    "LinearSVC",
    "LogisticRegression",
    "LogisticRegressionCV",
    "ParquetReader",
    "PoissonRegressor",
    "PoissonRegressorCV",
    "Progress",
    "RegularizationPath",
    "Ridge",
    "RidgeCV",
    "SGDClassifier",
    "SGDRegressor",
    "SvmlightReader",
    "__version__",
    "enet_path",
    "lasso_path",
    "logistic_path",
    "poisson_path",
    "regularization_path",
    "ridge_path",
]
