# cv.glmnet on a dense matrix given in flat binary files; called by contenders.py. Arguments: folder, family, rows,
# columns, folds. Fits again and again for half a second, and leaves the median of their CPU seconds. Exit status 42: glmnet is not installed.

arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
family <- arguments[2]
numbers <- as.numeric(arguments[-(1:2)])

if (!suppressPackageStartupMessages(require("glmnet", character.only = TRUE, quietly = TRUE))) {
  message("no R package glmnet")
  quit(status = 42)
}

read_file <- function(name, n) readBin(file.path(folder, paste0(name, ".bin")), double(), n = n)
X <- matrix(read_file("x", numbers[1] * numbers[2]), numbers[1], numbers[2])
y <- read_file("y", numbers[1])
folds <- rep(seq_len(numbers[3]), each = ceiling(numbers[1] / numbers[3]), length.out = numbers[1])

spent <- c()
while (length(spent) < 2 || (sum(spent) < 0.5 && length(spent) < 30)) {
  start <- proc.time()
  fit <- suppressWarnings(cv.glmnet(X, y, family = family, foldid = folds))
  used <- proc.time() - start
  spent <- c(spent, used[["user.self"]] + used[["sys.self"]])
}
cpu <- median(spent[-1])
writeLines(sprintf('{"cpu": %.6f, "wall": %.6f, "version": "%s"}', cpu, cpu, packageVersion("glmnet")),
           file.path(folder, "record.json"))
