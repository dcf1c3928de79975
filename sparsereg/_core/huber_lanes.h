/* The passes of huber_rows.h on registers of WIDTH rows: included once for each width, with VALUE, WIDTH, TARGET, NAMED
 * and CHOOSE defined; what is left of a block is done by those of width 1, which come first. */

/* WIDTH rows at their linear predictors: residual r, its slope g = s r before and `slope` after the singleton column
 * has its part `rest`, the share of the curvature that this leaves, and what the L2 share of the penalty takes off,
 * doubled. */
typedef struct {
    VALUE y, s, size, r, g, limit, rest, slope, share, excess;
} NAMED(sparsereg_rows);

TARGET SPARSEREG_STEP void NAMED(sparsereg_load)(VALUE *to, const double *from)
{
    memcpy(to, from, sizeof *to);
}

TARGET SPARSEREG_STEP void NAMED(sparsereg_store)(double *to, const VALUE *from)
{
    memcpy(to, from, sizeof *from);
}

TARGET SPARSEREG_STEP void NAMED(sparsereg_rows_at)(
    const sparsereg_huber *rows, int64_t i, int bent, const VALUE *t, NAMED(sparsereg_rows) *at)
{
    const VALUE none = {0.0};
    const VALUE least = none + SPARSEREG_LEAST_WEIGHT;
    VALUE bend;
    NAMED(sparsereg_load)(&at->y, rows->y + i);
    NAMED(sparsereg_load)(&at->s, rows->s + i);
    NAMED(sparsereg_load)(&at->limit, rows->limit + i);
    at->limit = at->limit * rows->strength;
    at->size = CHOOSE(at->s > least, at->s, least);
    at->r = at->y - *t;
    at->g = at->s * at->r;
    at->slope = CHOOSE(at->g < at->limit, at->g, at->limit);
    at->slope = CHOOSE(at->slope > -at->limit, at->slope, -at->limit);
    at->rest = at->g - at->slope;
    at->share = none;
    at->excess = none;
    if (bent) {
        NAMED(sparsereg_load)(&bend, rows->bend + i);
        bend = bend * rows->ridge;
        at->share = bend / (at->size + bend);
        /* Not as a difference: next to a large penalty it is but rounding. */
        at->excess = at->rest / (at->size + bend);
        at->rest = at->size * at->excess;
        at->slope = at->slope + (at->g - at->slope) * at->share;
        at->excess = bend * at->excess * at->excess;
    }
    at->share = CHOOSE(at->g == at->slope, none + 1.0, at->share);
}

/* Add WIDTH rows to the sums of value, slope, curvature and weight. */
TARGET SPARSEREG_STEP void NAMED(sparsereg_linearize_step)(
    const sparsereg_huber *rows, int64_t i, int bent, int moves, const sparsereg_move *move,
    double floor_share, double *z, double *weight, VALUE *sums)
{
    const VALUE least = (VALUE){0.0} + floor_share;
    VALUE t, step, floored;
    NAMED(sparsereg_rows) at;
    NAMED(sparsereg_load)(&t, move->from + i);
    if (moves) {
        NAMED(sparsereg_load)(&step, move->step + i);
        t = t + move->size * step;
        NAMED(sparsereg_store)(move->to + i, &t);
    }
    NAMED(sparsereg_rows_at)(rows, i, bent, &t, &at);
    floored = at.s * CHOOSE(at.share > least, at.share, least);
    NAMED(sparsereg_store)(z + i, &at.slope);
    NAMED(sparsereg_store)(weight + i, &floored);
    sums[0] = sums[0] + (at.slope * (at.r - 0.5 * at.slope / at.size) - 0.5 * at.excess);
    sums[1] = sums[1] + at.slope;
    sums[2] = sums[2] + at.s * at.share;
    sums[3] = sums[3] + floored;
}

/* Write WIDTH rows of theta; add to the sums of theta y and theta^2 / s, and lower the least feasible scale. */
TARGET SPARSEREG_STEP void NAMED(sparsereg_center_step)(
    const sparsereg_huber *rows, int64_t i, int bent, double shift, const double *eta, const double *z, double *theta,
    VALUE *sums)
{
    const VALUE one = (VALUE){0.0} + 1.0;
    VALUE t, point, size, scale;
    NAMED(sparsereg_rows) at;
    NAMED(sparsereg_load)(&t, eta + i);
    NAMED(sparsereg_load)(&point, z + i);
    NAMED(sparsereg_rows_at)(rows, i, bent, &t, &at);
    point = point - shift * (at.s * at.share);
    NAMED(sparsereg_store)(theta + i, &point);
    sums[0] = sums[0] + point * at.y;
    sums[1] = sums[1] + point * point / at.size;
    if (!bent) {
        size = CHOOSE(point < -point, -point, point);
        scale = CHOOSE(size > at.limit * SPARSEREG_FEASIBLE, at.limit / size, one);
        sums[2] = CHOOSE(scale < sums[2], scale, sums[2]);
    }
}

/* Write singleton coefficients u and the linear predictors with them, t, of WIDTH rows. */
TARGET SPARSEREG_STEP void NAMED(sparsereg_recover_step)(
    const sparsereg_huber *rows, int64_t i, int bent, const double *eta, const double *x, double *u, double *t)
{
    const VALUE none = {0.0};
    VALUE predictor, value, part;
    NAMED(sparsereg_rows) at;
    NAMED(sparsereg_load)(&predictor, eta + i);
    NAMED(sparsereg_load)(&value, x + i);
    NAMED(sparsereg_rows_at)(rows, i, bent, &predictor, &at);
    part = at.rest / at.size;
    predictor = predictor + part;
    part = part / CHOOSE(value == none, none + 1.0, value);
    NAMED(sparsereg_store)(u + i, &part);
    NAMED(sparsereg_store)(t + i, &predictor);
}

/* Copy sums of registers to their lanes. */
TARGET SPARSEREG_STEP void NAMED(sparsereg_spread)(const VALUE *sums, int n_sums, int first, double *lanes)
{
    for (int k = 0; k < n_sums; k++)
        memcpy(lanes + k * SPARSEREG_LANES + first, sums + k, sizeof *sums);
}

TARGET SPARSEREG_STEP void NAMED(sparsereg_linearize_pass)(
    const sparsereg_huber rows, int64_t begin, int64_t end, int bent, int moves, const sparsereg_move move,
    double floor_share, double *z, double *weight, double *out)
{
    for (; begin < end; begin += SPARSEREG_BLOCK) {
        int64_t i = begin, stop = begin + SPARSEREG_BLOCK < end ? begin + SPARSEREG_BLOCK : end;
        VALUE sums[SPARSEREG_LANES / WIDTH][4];
        double lanes[4 * SPARSEREG_LANES];
        memset(sums, 0, sizeof sums);
        for (; i + SPARSEREG_LANES <= stop; i += SPARSEREG_LANES)
            for (int k = 0; k < SPARSEREG_LANES / WIDTH; k++)
                NAMED(sparsereg_linearize_step)(&rows, i + k * WIDTH, bent, moves, &move, floor_share, z, weight, sums[k]);
        for (int k = 0; k < SPARSEREG_LANES / WIDTH; k++)
            NAMED(sparsereg_spread)(sums[k], 4, k * WIDTH, lanes);
        for (int lane = 0; i < stop; i++, lane++) {
            double one[4];
            for (int k = 0; k < 4; k++)
                one[k] = lanes[k * SPARSEREG_LANES + lane];
            sparsereg_linearize_step_1(&rows, i, bent, moves, &move, floor_share, z, weight, one);
            sparsereg_spread_1(one, 4, lane, lanes);
        }
        for (int k = 0; k < 4; k++)
            out[k] += sparsereg_add_lanes(lanes + k * SPARSEREG_LANES);
    }
}

TARGET SPARSEREG_STEP void NAMED(sparsereg_center_pass)(
    const sparsereg_huber rows, int64_t begin, int64_t end, int bent, double shift, const double *eta,
    const double *z, double *theta, double *out)
{
    const VALUE one = (VALUE){0.0} + 1.0;
    for (; begin < end; begin += SPARSEREG_BLOCK) {
        int64_t i = begin, stop = begin + SPARSEREG_BLOCK < end ? begin + SPARSEREG_BLOCK : end;
        VALUE sums[SPARSEREG_LANES / WIDTH][3];
        double lanes[3 * SPARSEREG_LANES], least;
        memset(sums, 0, sizeof sums);
        for (int k = 0; k < SPARSEREG_LANES / WIDTH; k++)
            sums[k][2] = one;
        for (; i + SPARSEREG_LANES <= stop; i += SPARSEREG_LANES)
            for (int k = 0; k < SPARSEREG_LANES / WIDTH; k++)
                NAMED(sparsereg_center_step)(&rows, i + k * WIDTH, bent, shift, eta, z, theta, sums[k]);
        for (int k = 0; k < SPARSEREG_LANES / WIDTH; k++)
            NAMED(sparsereg_spread)(sums[k], 3, k * WIDTH, lanes);
        for (int lane = 0; i < stop; i++, lane++) {
            double own[3] = {lanes[lane], lanes[SPARSEREG_LANES + lane], lanes[2 * SPARSEREG_LANES + lane]};
            sparsereg_center_step_1(&rows, i, bent, shift, eta, z, theta, own);
            sparsereg_spread_1(own, 3, lane, lanes);
        }
        least = sparsereg_least_lane(lanes + 2 * SPARSEREG_LANES);
        out[0] += sparsereg_add_lanes(lanes);
        out[1] += sparsereg_add_lanes(lanes + SPARSEREG_LANES);
        out[2] = least < out[2] ? least : out[2];
    }
}

TARGET SPARSEREG_STEP void NAMED(sparsereg_recover_pass)(
    const sparsereg_huber rows, int64_t n_rows, int bent, const double *eta, const double *x, double *u, double *t)
{
    int64_t i = 0;
    for (; i + WIDTH <= n_rows; i += WIDTH)
        NAMED(sparsereg_recover_step)(&rows, i, bent, eta, x, u, t);
    for (; i < n_rows; i++)
        sparsereg_recover_step_1(&rows, i, bent, eta, x, u, t);
}

/* The passes themselves, with what is the same for all rows decided outside the loop. */
TARGET SPARSEREG_PASS void NAMED(sparsereg_huber_linearize)(
    const sparsereg_huber *rows, int64_t begin, int64_t end, const sparsereg_move *move, double floor_share, double *z,
    double *weight, double *out)
{
    if (rows->ridge > 0.0 && move->step)
        NAMED(sparsereg_linearize_pass)(*rows, begin, end, 1, 1, *move, floor_share, z, weight, out);
    else if (rows->ridge > 0.0)
        NAMED(sparsereg_linearize_pass)(*rows, begin, end, 1, 0, *move, floor_share, z, weight, out);
    else if (move->step)
        NAMED(sparsereg_linearize_pass)(*rows, begin, end, 0, 1, *move, floor_share, z, weight, out);
    else
        NAMED(sparsereg_linearize_pass)(*rows, begin, end, 0, 0, *move, floor_share, z, weight, out);
}

TARGET SPARSEREG_PASS void NAMED(sparsereg_huber_center)(
    const sparsereg_huber *rows, int64_t begin, int64_t end, double shift, const double *eta, const double *z,
    double *theta, double *out)
{
    if (rows->ridge > 0.0)
        NAMED(sparsereg_center_pass)(*rows, begin, end, 1, shift, eta, z, theta, out);
    else
        NAMED(sparsereg_center_pass)(*rows, begin, end, 0, shift, eta, z, theta, out);
}

TARGET SPARSEREG_PASS void NAMED(sparsereg_huber_recover)(
    const sparsereg_huber *rows, int64_t n_rows, const double *eta, const double *x, double *u, double *t)
{
    if (rows->ridge > 0.0)
        NAMED(sparsereg_recover_pass)(*rows, n_rows, 1, eta, x, u, t);
    else
        NAMED(sparsereg_recover_pass)(*rows, n_rows, 0, eta, x, u, t);
}

#undef VALUE
#undef WIDTH
#undef TARGET
#undef NAMED
#undef CHOOSE
