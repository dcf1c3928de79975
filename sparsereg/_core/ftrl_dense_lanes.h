/* The passes of ftrl_dense.h on registers of WIDTH entries: included once for each width, with its types and operations
 * defined; what is left of a row is done by those of width 1, which come first. */

TARGET SPARSEREG_DENSE_LANE VALUE NAMED(sparsereg_dense_coefficient)(
    const sparsereg_dense_ftrl *rule, const double *state)
{
    VALUE z, r, d, step, v, size, threshold, shrunk;
    BITS stays;
    NAMED(sparsereg_dense_split)(state, &z, &r);
    d = (rule->beta + r) * rule->inverse;
    stays = MASK(z != 0.0) & MASK(d != 0.0);
    d = 1.0 / d;
    step = rule->t * d;
    v = -z * d;
    size = OF_BITS(BITS_OF(v) & 0x7FFFFFFFFFFFFFFFULL);
    threshold = step * rule->l1;
    shrunk = size - threshold;
    /* Without L2 the divisor is 1. */
    if (rule->l2 != 0.0)
        shrunk = shrunk / (1.0 + step * rule->l2);
    stays &= MASK(size > threshold);
    return OF_BITS((BITS_OF(shrunk) | (BITS_OF(v) & 0x8000000000000000ULL)) & stays) + 0.0;
}

TARGET SPARSEREG_DENSE_PASS int64_t NAMED(sparsereg_dense_predict)(
    const sparsereg_dense_ftrl *rule, const double *state, const double *x, int64_t k, int64_t n, double *t, double *w)
{
    double total = *t;
    for (; k + WIDTH <= n; k += WIDTH) {
        VALUE value, coefficient = NAMED(sparsereg_dense_coefficient)(rule, state + k);
        memcpy(&value, x + k, sizeof value);
        memcpy(w + k, &coefficient, sizeof coefficient);
        /* Nothing is added for a value of 0, at a coefficient beyond all bounds either. */
        value = OF_BITS(BITS_OF(coefficient * value) & MASK(value != 0.0));
        ADD_UP(total, value);
    }
    *t = total;
    return k;
}

TARGET SPARSEREG_DENSE_LANE VALUE NAMED(sparsereg_dense_dithered)(VALUE value, BITS noise)
{
    return OF_BITS((BITS_OF(value) + (noise >> 35)) & 0xFFFFFFFFE0000000ULL);
}

TARGET SPARSEREG_DENSE_PASS int64_t NAMED(sparsereg_dense_step)(
    const sparsereg_dense_ftrl *rule, double slope, double *state, const double *x, const double *w, int64_t k,
    int64_t n, double *old, int *beyond)
{
    BITS wrong = {0};
    for (; k + WIDTH <= n; k += WIDTH) {
        VALUE value, coefficient, z, r, g, grown, both;
        BITS before, noise, after, moves;
        FLOATS new_z, new_r;
        memcpy(&value, x + k, sizeof value);
        memcpy(&coefficient, w + k, sizeof coefficient);
        memcpy(&before, state + k, sizeof before);
        NAMED(sparsereg_dense_split)(state + k, &z, &r);
        g = slope * value;
        noise = (before ^ rule->noise) * 0xD1342543DE82EF95ULL;
        new_r = TO_FLOATS(NAMED(sparsereg_dense_dithered)(ROOT(r * r + g * g), noise << 29));
        grown = TO_VALUE(new_r);
        new_z = TO_FLOATS(NAMED(sparsereg_dense_dithered)(z + g - (grown - r) * rule->inverse * coefficient, noise));
        both = TO_VALUE(new_z) + grown;
        moves = MASK(value != 0.0);
        wrong |= MASK(both - both != 0.0) & moves;
        after = (NAMED(sparsereg_dense_join)(new_z, new_r) & moves) | (before & ~moves);
        memcpy(old + k, &before, sizeof before);
        memcpy(state + k, &after, sizeof after);
    }
    *beyond |= ANY(wrong);
    return k;
}

#undef WIDTH
#undef TARGET
#undef NAMED
#undef VALUE
#undef BITS
#undef FLOATS
#undef MASK
#undef BITS_OF
#undef OF_BITS
#undef ROOT
#undef TO_FLOATS
#undef TO_VALUE
#undef ADD_UP
#undef ANY
