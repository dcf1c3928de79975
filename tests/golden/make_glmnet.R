# Reference coefficients of R's glmnet, written next to this script as JSON.
# Rscript make_glmnet.R
#
# glmnet rescales penalty factors to a mean of one, so those given here have mean one; it standardises a Gaussian y
# inside, which matters to lambda only, and lambda is reported on the scale of y.
suppressMessages(library(glmnet))
library(jsonlite)

arguments <- commandArgs(trailingOnly = FALSE)
folder <- dirname(sub("--file=", "", arguments[grep("--file=", arguments)]))

# Coefficients have one row a lambda; of several classes, one such matrix a class.
solve_case <- function(x, y, name, ...) {
  settings <- list(...)
  glmnet.control(fdev = 0, devmax = 1)
  path <- do.call(glmnet, c(list(x = x, y = y, thresh = 1e-14, maxit = 1e8, nlambda = 50), settings))
  lambda <- path$lambda[c(5, 20, 35)]
  exact <- do.call(glmnet, c(list(x = x, y = y, thresh = 1e-14, maxit = 1e8, lambda = lambda), settings))
  classes <- is.list(exact$beta)
  list(
    name = name, settings = settings, lambda = exact$lambda,
    intercept = if (classes) t(unname(exact$a0)) else as.vector(exact$a0),
    coefficients = if (classes) unname(lapply(exact$beta, transposed)) else transposed(exact$beta)
  )
}

transposed <- function(beta) unname(as.matrix(t(beta)))

# Every case at three values of alpha; `...` goes to glmnet in all of them.
cases_of <- function(x, y, ..., limits = TRUE, offset = NULL) {
  n <- nrow(x)
  p <- ncol(x)
  weights <- rep(c(1, 2, 0.5, 3), length.out = n)
  factor <- rep(c(0.5, 1, 1.5, 1), length.out = p)
  factor <- factor / mean(factor)
  cases <- list()
  add <- function(name, ...) cases[[length(cases) + 1]] <<- solve_case(x, y, name, ...)
  for (alpha in c(1, 0.5, 0)) {
    for (standardize in c(TRUE, FALSE)) {
      add("plain", alpha = alpha, standardize = standardize, ...)
    }
    add("weights", alpha = alpha, standardize = FALSE, weights = weights, ...)
    add("penalty.factor", alpha = alpha, standardize = FALSE, penalty.factor = factor, ...)
    if (limits) {
      add("limits", alpha = alpha, standardize = FALSE, lower.limits = 0, upper.limits = 0.5, ...)
    }
    add("no intercept", alpha = alpha, standardize = FALSE, intercept = FALSE, ...)
    if (!is.null(offset)) {
      add("offset", alpha = alpha, standardize = TRUE, offset = offset, weights = weights, ...)
    }
  }
  cases
}

write_cases <- function(x, y, file, source, cases) {
  sparse <- as(as(as(x, "dMatrix"), "generalMatrix"), "CsparseMatrix")
  out <- list(
    made_by = paste("glmnet", packageVersion("glmnet"), "on R", getRversion()), source = source,
    n_samples = nrow(x), n_features = ncol(x),
    indptr = sparse@p, indices = sparse@i, data = sparse@x, y = as.vector(y), cases = cases
  )
  write_json(out, file.path(folder, file), digits = 17, auto_unbox = TRUE)
}

write_gaussian <- function(example, name, source) {
  cases <- cases_of(example$x, example$y)
  write_cases(example$x, example$y, paste0("glmnet_", name, ".json"), source, cases)
}

data(QuickStartExample)
write_gaussian(QuickStartExample, "quick_start", "data(QuickStartExample)")
data(SparseExample)
write_gaussian(SparseExample, "sparse", "data(SparseExample)")

# Simulated: ones and zeros beside rounded normal numbers, three of them with an effect on every target.
set.seed(3, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")
n <- 60
x <- cbind(matrix(rbinom(n * 5, 1, 0.3), n), round(matrix(rnorm(n * 4), n), 2) * rbinom(n * 4, 1, 0.5))
signal <- x[, 1] - 1.5 * x[, 2] + x[, 6]
labels <- rbinom(n, 1, plogis(signal))
shares <- round(plogis(signal + rnorm(n)), 3)
exposure <- round(runif(n, 0.5, 3), 2)
counts <- rpois(n, exposure * exp(0.5 * signal))
classes <- apply(cbind(0, signal, x[, 7] - x[, 3]), 1, function(t) sample(0:2, 1, prob = exp(t)))
source <- "simulated by make_glmnet.R"

write_cases(
  x, labels, "glmnet_binomial.json", source, cases_of(x, labels, family = "binomial", offset = log(exposure))
)
write_cases(
  x, shares, "glmnet_shares.json", source, cases_of(x, cbind(1 - shares, shares), family = "binomial", limits = FALSE)
)
write_cases(
  x, counts, "glmnet_poisson.json", source, cases_of(x, counts, family = "poisson", offset = log(exposure))
)
write_cases(
  x, classes, "glmnet_multinomial.json", source, cases_of(x, classes, family = "multinomial", limits = FALSE)
)
