# Reference coefficients of R's glmnet, written next to this script as JSON.
# Rscript make_glmnet.R
#
# glmnet rescales penalty factors to a mean of one, so those given here have mean one; it standardises y inside, which
# matters to lambda only, and lambda is reported on the scale of y.
suppressMessages(library(glmnet))
library(jsonlite)

arguments <- commandArgs(trailingOnly = FALSE)
folder <- dirname(sub("--file=", "", arguments[grep("--file=", arguments)]))

solve_case <- function(x, y, name, ...) {
  settings <- list(...)
  glmnet.control(fdev = 0, devmax = 1)
  path <- do.call(glmnet, c(list(x = x, y = y, thresh = 1e-14, maxit = 1e8, nlambda = 50), settings))
  lambda <- path$lambda[c(5, 20, 35)]
  exact <- do.call(glmnet, c(list(x = x, y = y, thresh = 1e-14, maxit = 1e8, lambda = lambda), settings))
  list(
    name = name, settings = settings, lambda = exact$lambda, intercept = as.vector(exact$a0),
    coefficients = as.matrix(t(exact$beta))
  )
}

cases_of <- function(x, y) {
  n <- nrow(x)
  p <- ncol(x)
  weights <- rep(c(1, 2, 0.5, 3), length.out = n)
  factor <- rep(c(0.5, 1, 1.5, 1), length.out = p)
  factor <- factor / mean(factor)
  cases <- list()
  for (alpha in c(1, 0.5, 0)) {
    for (standardize in c(TRUE, FALSE)) {
      cases[[length(cases) + 1]] <- solve_case(x, y, "plain", alpha = alpha, standardize = standardize)
    }
    cases[[length(cases) + 1]] <- solve_case(x, y, "weights", alpha = alpha, standardize = FALSE, weights = weights)
    cases[[length(cases) + 1]] <- solve_case(
      x, y, "penalty.factor", alpha = alpha, standardize = FALSE, penalty.factor = factor
    )
    cases[[length(cases) + 1]] <- solve_case(
      x, y, "limits", alpha = alpha, standardize = FALSE, lower.limits = 0, upper.limits = 0.5
    )
    cases[[length(cases) + 1]] <- solve_case(
      x, y, "no intercept", alpha = alpha, standardize = FALSE, intercept = FALSE
    )
  }
  cases
}

write_cases <- function(x, y, file, source) {
  sparse <- as(as(as(x, "dMatrix"), "generalMatrix"), "CsparseMatrix")
  out <- list(
    made_by = paste("glmnet", packageVersion("glmnet"), "on R", getRversion()), source = source,
    n_samples = nrow(x), n_features = ncol(x),
    indptr = sparse@p, indices = sparse@i, data = sparse@x, y = as.vector(y), cases = cases_of(x, y)
  )
  write_json(out, file.path(folder, file), digits = 17, auto_unbox = TRUE)
}

data(QuickStartExample)
write_cases(QuickStartExample$x, QuickStartExample$y, "glmnet_quick_start.json", "data(QuickStartExample)")
data(SparseExample)
write_cases(SparseExample$x, SparseExample$y, "glmnet_sparse.json", "data(SparseExample)")
