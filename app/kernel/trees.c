/* Sums the leaves that rows reach in the trees of an ensemble: exactly scikit-learn's sums, in its order.
 *
 * A row goes left where value <= threshold, else right, to the node behind; a leaf leads to itself. Missing values need
 * no test of their own, since every row is laid out in columns first: column c holds the row's number sources[c], NaN
 * made -infinity in the first `features` columns, which so goes left, and kept in the others, where it goes right.
 *
 * Speed comes from three things, none of which changes a sum:
 * - Trees of up to 64 leaves are not walked. Each split that sends a row right rules out the leaves to its left, so the
 *   row's leaf is the first one that no split rules out (Lucchese et al., "QuickScorer", SIGIR 2015): no branch, no chain
 *   of loads, several rows per instruction.
 * - Larger trees are walked by LANES rows at once, so that their loads wait for memory together, while the next tree is
 *   fetched. A few rows alone are walked down LANES trees at once.
 * - One tree takes all rows of a block before the next is touched.
 *
 * No memory is allocated, nothing is called, no state is kept: any number of threads may sum at once. Needs a compiler
 * with GNU C's vectors (gcc, clang). Compiled with -ffp-contract=off; the sums must not be reordered. */

#include <stddef.h>
#include <stdint.h>

enum {
    ABI = 1,          /* changes with anything that app/kernel/library.py relies on */
    CHUNK = 32,       /* rows side by side in a column */
    BLOCK = 1024,     /* rows that one tree takes before the next: their columns and a tree fit the second cache */
    LANES = 16,       /* walks under way at once */
    ALONE = 12,       /* fewer rows than this left for a chunk: row by row */
    FETCH_ROWS = 64,  /* from so many rows on, most of a tree will be needed */
    LINE = 64,        /* bytes that are fetched at once */
    MOST_LEAVES = 64  /* of a tree that has masks: the bits of one */
};

typedef struct {
    double threshold; /* infinity in a leaf */
    uint32_t left;    /* the right child stands behind it; a leaf's own position */
    uint32_t column;
} Node;

typedef struct {
    double threshold;
    int64_t kept; /* the leaves that remain possible for a row that goes right */
    int64_t column;
} Split;

typedef struct {
    const Node *nodes;
    const uint32_t *leaves;  /* of each node that is a leaf: which row of values */
    const double *values;    /* [leaves][width] */
    const uint32_t *roots;   /* [trees + 1]: the first node of each tree, and the end */
    const uint32_t *targets; /* [trees]: where a tree's first value is added */
    const uint32_t *sources; /* [columns] */
    uint64_t trees, columns, features, width, outputs;
    uint64_t rounded; /* whether numbers count as the nearest float32 */
    Split *splits;    /* of the trees that have masks, filled by trees_prepare */
    uint32_t *starts; /* [trees + 1]: the first split of each tree; none where it is walked */
    uint32_t *ordered; /* [splits + trees]: the leaves of those trees from left to right, as in `leaves` */
} Ensemble;

typedef double Reals __attribute__((vector_size(16)));
typedef int64_t Masks __attribute__((vector_size(16)));
enum { WIDE = sizeof(Reals) / sizeof(double) };

uint64_t trees_abi(void) { return ABI; }

/* Number the leaves below `node` from left to right and write the splits; returns how many leaves there are so far. */
static uint32_t descend(const Ensemble *of, uint32_t node, uint32_t found, uint32_t *ordered, Split **next)
{
    const Node *at = of->nodes + node;
    if (at->left == node) {
        ordered[found] = of->leaves[node];
        return found + 1;
    }
    Split *split = (*next)++;
    uint32_t right = descend(of, at->left, found, ordered, next);
    uint64_t ruled_out = (((uint64_t)1 << (right - found)) - 1) << found;
    *split = (Split){at->threshold, (int64_t)~ruled_out, at->column};
    return descend(of, at->left + 1, right, ordered, next);
}

/* Fill splits, starts and ordered, once. */
void trees_prepare(const Ensemble *of)
{
    Split *next = of->splits;
    for (uint64_t tree = 0; tree < of->trees; tree++) {
        uint32_t nodes = of->roots[tree + 1] - of->roots[tree];
        of->starts[tree] = (uint32_t)(next - of->splits);
        if (nodes > 1 && nodes < 2 * MOST_LEAVES)
            descend(of, of->roots[tree], 0, of->ordered + of->starts[tree] + tree, &next);
    }
    of->starts[of->trees] = (uint32_t)(next - of->splits);
}

/* Lay `count` rows out in columns: scratch[chunk][column][row of the chunk], zeros for what a chunk lacks. */
static void lay_out(const Ensemble *of, const double *rows, uint64_t count, double *scratch)
{
    for (uint64_t from = 0; from < count; from += CHUNK) {
        uint64_t needed = count - from < ALONE ? count - from : CHUNK;
        for (uint64_t column = 0; column < of->columns; column++, scratch += CHUNK) {
            const double *source = rows + from * of->features + of->sources[column];
            for (uint64_t row = 0; row < needed; row++) {
                double value = from + row < count ? source[row * of->features] : 0.0;
                if (of->rounded)
                    value = (double)(float)value;
                scratch[row] = column < of->features && value != value ? -__builtin_inf() : value;
            }
        }
    }
}

/* Add the values of `count` leaves of one tree to the sums of as many rows. */
static inline void add_width(const Ensemble *of, const uint32_t *leaf, uint64_t count, double *sums, uint64_t width)
{
    for (uint64_t row = 0; row < count; row++, sums += of->outputs) {
        const double *values = of->values + leaf[row] * width;
        for (uint64_t value = 0; value < width; value++)
            sums[value] += values[value];
    }
}

/* The same, the common widths written out by the compiler. */
static void add(const Ensemble *of, uint64_t tree, const uint32_t *leaf, uint64_t count, double *sums)
{
    sums += of->targets[tree];
    switch (of->width) {
    case 1: add_width(of, leaf, count, sums, 1); break;
    case 2: add_width(of, leaf, count, sums, 2); break;
    case 3: add_width(of, leaf, count, sums, 3); break;
    default: add_width(of, leaf, count, sums, of->width);
    }
}

/* The leaves that a chunk reaches in a tree with masks. */
static void mask_chunk(const Ensemble *of, uint64_t tree, const double *chunk, uint32_t *leaf)
{
    union {
        Masks wide[CHUNK / WIDE];
        uint64_t row[CHUNK];
    } left;
    for (int i = 0; i < CHUNK / WIDE; i++)
        left.wide[i] = ~(Masks){0};
    for (const Split *split = of->splits + of->starts[tree]; split < of->splits + of->starts[tree + 1]; split++) {
        const Reals *column = (const Reals *)(chunk + split->column * CHUNK);
        Reals threshold = {split->threshold, split->threshold};
        Masks kept = {split->kept, split->kept};
        for (int i = 0; i < CHUNK / WIDE; i++)
            left.wide[i] &= (Masks)(column[i] <= threshold) | kept;
    }
    const uint32_t *ordered = of->ordered + of->starts[tree] + tree;
    for (int row = 0; row < CHUNK; row++)
        leaf[row] = ordered[__builtin_ctzll(left.row[row])];
}

/* Walk LANES walks to their leaves: lane i begins at at[i] and reads row i * step of the chunk. */
static inline void walk(const Node *nodes, const double *chunk, uint64_t step, uint32_t at[LANES])
{
    uint32_t moved;
    do {
        moved = 0;
        for (uint64_t lane = 0; lane < LANES; lane++) {
            const Node *node = nodes + at[lane];
            uint32_t next = node->left + !(chunk[node->column * CHUNK + lane * step] <= node->threshold);
            moved |= next ^ at[lane];
            at[lane] = next;
        }
    } while (moved);
}

/* The leaves that a chunk reaches in a tree that is walked. */
static void walk_chunk(const Ensemble *of, uint64_t tree, const double *chunk, uint32_t *leaf)
{
    for (uint64_t from = 0; from < CHUNK; from += LANES) {
        uint32_t at[LANES];
        for (int lane = 0; lane < LANES; lane++)
            at[lane] = of->roots[tree];
        walk(of->nodes, chunk + from, 1, at);
        for (int lane = 0; lane < LANES; lane++)
            leaf[from + lane] = of->leaves[at[lane]];
    }
}

/* All trees, one row. */
static void walk_row(const Ensemble *of, const double *chunk, double *sums)
{
    for (uint64_t tree = 0; tree < of->trees; tree += LANES) {
        uint32_t at[LANES];
        for (uint64_t lane = 0; lane < LANES; lane++)
            at[lane] = of->roots[tree + lane < of->trees ? tree + lane : tree];
        walk(of->nodes, chunk, 0, at);
        for (uint64_t lane = 0; lane < LANES && tree + lane < of->trees; lane++)
            add(of, tree + lane, of->leaves + at[lane], 1, sums);
    }
}

/* Ask for a part of the nodes before they are needed. */
static void fetch(const Node *from, const Node *end)
{
    for (; from < end; from += LINE / sizeof(Node))
        __builtin_prefetch(from, 0, 2);
}

/* All trees, up to BLOCK rows laid out in chunks. */
static void sum_block(const Ensemble *of, const double *scratch, uint64_t count, double *sums)
{
    uint64_t alone = count % CHUNK < ALONE ? count % CHUNK : 0;
    uint64_t together = count - alone, chunks = (together + CHUNK - 1) / CHUNK;
    for (uint64_t tree = 0; together && tree < of->trees; tree++) {
        int masked = of->starts[tree] < of->starts[tree + 1];
        const Node *coming = of->nodes + of->roots[tree + 1];
        uint64_t share = 0;
        if (together >= FETCH_ROWS && tree + 1 < of->trees)
            share = (of->roots[tree + 2] - of->roots[tree + 1]) / chunks;
        for (uint64_t from = 0; from < together; from += CHUNK, coming += share) {
            const double *chunk = scratch + from * of->columns;
            uint32_t leaf[CHUNK];
            if (masked) {
                mask_chunk(of, tree, chunk, leaf);
            } else {
                fetch(coming, coming + share);
                walk_chunk(of, tree, chunk, leaf);
            }
            uint64_t rows = together - from < CHUNK ? together - from : CHUNK;
            add(of, tree, leaf, rows, sums + from * of->outputs);
        }
    }
    for (uint64_t row = together; row < count; row++)
        walk_row(of, scratch + row / CHUNK * CHUNK * of->columns + row % CHUNK, sums + row * of->outputs);
}

/* sums[count][outputs] of rows[count][features]. scratch, aligned as Reals, has room for `columns` numbers of each row,
 * their count rounded up to whole chunks and no more than a block. */
void trees_sum(const Ensemble *of, const double *rows, uint64_t count, double *sums, double *scratch)
{
    for (uint64_t i = 0; i < count * of->outputs; i++)
        sums[i] = 0.0;
    for (uint64_t from = 0; from < count; from += BLOCK) {
        uint64_t part = count - from < BLOCK ? count - from : BLOCK;
        lay_out(of, rows + from * of->features, part, scratch);
        sum_block(of, scratch, part, sums + from * of->outputs);
    }
}
