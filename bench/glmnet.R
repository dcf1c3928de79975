# One glmnet path on a matrix given in flat binary files; called by peers.py, which reads the answer from flat files too.
# Arguments: folder, family, type.logistic, rows, columns, l1_ratio, intercept (0 or 1), thresh.
# Exit status 42: glmnet is not installed.

arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
family <- arguments[2]
numbers <- as.numeric(arguments[-(1:3)])
n_rows <- numbers[1]; n_columns <- numbers[2]; l1_ratio <- numbers[3]; intercept <- numbers[4] == 1; thresh <- numbers[5]

for (package in c("Matrix", "glmnet")) {
  if (!suppressPackageStartupMessages(require(package, character.only = TRUE, quietly = TRUE))) {
    message("no R package ", package)
    quit(status = 42)
  }
}

read_file <- function(name, kind) {
  path <- file.path(folder, paste0(name, ".bin"))
  size <- file.size(path) / if (identical(kind, integer())) 4 else 8
  readBin(path, kind, n = size)
}
write_file <- function(values, name) writeBin(values, file.path(folder, paste0(name, ".out")))
memory <- function(field) {
  line <- grep(paste0("^", field, ":"), readLines("/proc/self/status"), value = TRUE)
  1024 * as.numeric(gsub("[^0-9]", "", line))
}

x <- read_file("x", double())
X <- if (file.exists(file.path(folder, "p.bin"))) {
  new("dgCMatrix", p = read_file("p", integer()), i = read_file("i", integer()), x = x,
      Dim = as.integer(c(n_rows, n_columns)))
} else {
  matrix(x, n_rows, n_columns)
}
y <- read_file("y", double())
lambda <- read_file("lambda", double())

# Without these the path would end early, when the explained deviance no longer rises.
glmnet.control(fdev = 0, devmax = 1)
invisible(gc())
cat("5", file = "/proc/self/clear_refs")
before <- memory("VmRSS")
start <- proc.time()
fit <- glmnet(X, y, family = family, type.logistic = arguments[3], alpha = l1_ratio, lambda = lambda,
              intercept = intercept, standardize = FALSE, thresh = thresh, maxit = 1e7)
spent <- proc.time() - start
peak <- memory("VmHWM")

write_file(fit$beta@p, "p")
write_file(fit$beta@i, "i")
write_file(fit$beta@x, "x")
write_file(as.numeric(fit$a0), "b")
cpu <- spent[["user.self"]] + spent[["sys.self"]]
record <- sprintf('{"wall": %.6f, "cpu": %.6f, "peak_memory": %.0f, "extra_memory": %.0f, "version": "%s"}',
                  spent[["elapsed"]], cpu, peak, peak - before, packageVersion("glmnet"))
writeLines(record, file.path(folder, "record.json"))
