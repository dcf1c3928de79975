"""Regularised linear models for very wide sparse data."""

from sparsereg.estimators.classifiers import LinearSVC, LogisticRegression
from sparsereg.estimators.cv import ElasticNetCV, LassoCV, LogisticRegressionCV, PoissonRegressorCV, RidgeCV
from sparsereg.estimators.regressors import ElasticNet, HuberRegressor, Lasso, PoissonRegressor, Ridge
from sparsereg.estimators.sgd import SGDClassifier, SGDRegressor
from sparsereg.estimators.table_model import TableModel
from sparsereg.features.feature_cross import FeatureCross
from sparsereg.features.latlong_cross import LatLongCross
from sparsereg.inputs.sklearn import ConvergenceWarning
from sparsereg.inputs.versions import InconsistentVersionWarning
from sparsereg.model_files.api import load_model, model_size, save_model
from sparsereg.model_selection.cross_validation import CVProgress
from sparsereg.path.api import enet_path, lasso_path, logistic_path, poisson_path, regularization_path, ridge_path
from sparsereg.path.result import RegularizationPath
from sparsereg.readers.arrow import ArrowReader
from sparsereg.readers.blocks import Block
from sparsereg.readers.svmlight import SvmlightReader
from sparsereg.readers.tables import CsvReader, ParquetReader
from sparsereg.reduction.reduced import Reduced
from sparsereg.solvers.base import Progress
from sparsereg.solvers.convergence import ConstantColumnWarning
from sparsereg.streaming.learner import DivergenceError

__version__ = "0.1.0"
__all__ = [
    "ArrowReader",
    "Block",
    "CVProgress",
    "ConstantColumnWarning",
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
    "Reduced",
    "RegularizationPath",
    "Ridge",
    "RidgeCV",
    "SGDClassifier",
    "SGDRegressor",
    "SvmlightReader",
    "TableModel",
    "__version__",
    "enet_path",
    "lasso_path",
    "load_model",
    "logistic_path",
    "model_size",
    "poisson_path",
    "regularization_path",
    "ridge_path",
    "save_model",
]
