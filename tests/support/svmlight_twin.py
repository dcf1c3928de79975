"""What svmlight text means, as plainly as it can be said: the twin of the compiled parser for text without faults."""


def parse(text, zero_based=False):
    """Return labels and rows, each a list of (id, value)."""
    labels, rows = [], []
    for line in text.decode("ascii").split("\n"):
        label, *pairs = line.split("#")[0].split() or [None]
        if label is None:
            continue
        labels.append(float(label))
        entries = [pair.split(":") for pair in pairs if not pair.startswith("qid:")]
        rows.append([(int(id_) - (not zero_based), float(value)) for id_, value in entries])
    return labels, rows
