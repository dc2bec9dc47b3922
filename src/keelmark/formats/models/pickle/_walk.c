/* Walks the opcodes of a pickle at the speed of memory. Nothing is built, nothing is imported, nothing is called.
 *
 * `walk.py` says what the numbers mean, gives the two tables, and does the same in Python where this cannot be built.
 * The two must agree to the last bit: tests/unit/formats/models/test_formats_pickle_walk.py compares them.
 *
 * INVARIANT: `position <= size` always, and nothing is read at or behind `size`. Lengths of hostile files are compared
 * with what is left, never added to a position first.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* How the argument is written: the values of walk_table.Written. */
enum { F_ILLEGAL, F_NONE, F_ONE, F_TWO, F_FOUR, F_EIGHT, F_LENGTH1, F_LENGTH4, F_LENGTH4_SIGNED, F_LENGTH8, F_LINE, F_PAIR };

/* What is done: the values of walk_table.Effect. Those from X_PUSH_FOREIGN on may import, call or refer outside. */
enum {
    X_NOTHING, X_PUSH, X_TEXT, X_TEXT_LINE, X_TUPLE1, X_TUPLE2, X_TUPLE3, X_APPEND, X_SET_ITEM, X_MARK, X_FILL_LIST,
    X_FILL_DICT, X_FILL_SET, X_MAKE, X_MAKE_DICT, X_PUT, X_MEMOIZE, X_GET, X_POP, X_POP_MARK, X_DUP, X_PROTOCOL,
    X_DOUBT, X_STOP, X_PUSH_FOREIGN, X_TAKE1, X_TAKE2, X_TAKE3, X_BUILD, X_CLOSE
};

/* How a walk stands: the values of walk_table.State. */
enum { S_RUNNING, S_STOPPED, S_BREAKS_OFF, S_ILLEGAL, S_NEGATIVE, S_PROTOCOL, S_LONG_NAME, S_NO_MEMORY };

/* Kinds of shortcuts: the values of walk_table.Kind. */
enum { K_REST, K_LIST, K_DICT, K_SET, K_MEMOIZED = 16 };

#define VERSION 1 /* raised together with walk_table.VERSION */
#define NEVER UINT64_MAX
#define MAX_DEPTH 20000
#define MAX_SHORTCUTS 200000
#define MAX_NAME 65536
#define KEPT_ITEMS 66   /* of a container that is being made: the slow way has seen this many */
#define FILLED_ITEMS 130 /* as much for one that is being filled, where pairs count as two */
#define FIELDS 6

typedef struct { uint64_t start, memo, lowest; int64_t height, items, index; int kind; } Fill;

typedef struct {
    int64_t height, rest_height;
    uint64_t lowest, rest_start, rest_memo, rest_lowest;
    Fill fills[2];
} Frame;

typedef struct {
    PyObject_HEAD
    unsigned char forms[256], effects[256];
    uint64_t position, resume, memo, doubt, operations, places_seen, min_bytes, max_places;
    int state, protocol, busy, is_quiet, has_put, has_memoize;
    uint64_t counts[256];
    Frame *frames;
    size_t depth, frames_room;
    uint64_t *places, *shortcuts;
    size_t places_count, places_room, shortcuts_count, shortcuts_room;
} Walk;

static uint64_t little(const unsigned char *bytes, int width) {
    uint64_t value = 0;
    for (int index = 0; index < width; index++) value |= (uint64_t)bytes[index] << (8 * index);
    return value;
}

/* A decimal number of at most 18 digits; NEVER when the line is anything else. */
static uint64_t decimal(const unsigned char *text, uint64_t length) {
    uint64_t value = 0;
    if (length == 0 || length > 18) return NEVER;
    for (uint64_t index = 0; index < length; index++) {
        if (text[index] < '0' || text[index] > '9') return NEVER;
        value = value * 10 + (text[index] - '0');
    }
    return value;
}

/* The memo key that an operation names; NEVER when it names none that is written plainly. */
static uint64_t key_of(int form, const unsigned char *text, uint64_t length) {
    if (form == F_LINE) return decimal(text, length);
    return length <= 8 ? little(text, (int)length) : NEVER;
}

/* The step over one argument: S_RUNNING, or why there is none. `*start` and `*length` are what it holds. */
static int argument(int form, const unsigned char *data, uint64_t size, uint64_t next, uint64_t *start,
                    uint64_t *length, uint64_t *end) {
    static const int widths[] = {0, 0, 1, 2, 4, 8, 1, 4, 4, 8};
    uint64_t left = size - next, count;
    int width = widths[form];
    if (left < (uint64_t)width) return S_BREAKS_OFF;
    if (form < F_LENGTH1) {
        *start = next; *length = (uint64_t)width; *end = next + (uint64_t)width;
        return S_RUNNING;
    }
    count = little(data + next, width);
    if (form == F_LENGTH4_SIGNED && count > INT32_MAX) return S_NEGATIVE;
    if (count > left - (uint64_t)width) return S_BREAKS_OFF;
    *start = next + (uint64_t)width; *length = count; *end = *start + count;
    return S_RUNNING;
}

static int pair(const unsigned char *data, uint64_t size, uint64_t next, uint64_t *end) {
    for (int part = 0; part < 2; part++) {
        uint64_t room = size - next < MAX_NAME ? size - next : MAX_NAME;
        const unsigned char *found = room ? memchr(data + next, '\n', (size_t)room) : NULL;
        if (!found) return room == MAX_NAME ? S_LONG_NAME : S_BREAKS_OFF;
        next = (uint64_t)(found - data) + 1;
    }
    *end = next;
    return S_RUNNING;
}

/* Whether a text may name a hook such as `__reduce__`: two underscores, or what may stand for them in a line. */
static int is_special(const unsigned char *text, uint64_t length, int is_line) {
    if (is_line && length && (text[0] == '\'' || text[0] == '"')) { text++; length--; }
    if (length < 2) return 0;
    if (!is_line) return text[0] == '_' && text[1] == '_';
    return text[0] == '\\' || (text[0] == '_' && (text[1] == '_' || text[1] == '\\'));
}

static int grow(void **items, size_t *room, size_t count, size_t size) {
    if (count < *room) return 1;
    size_t wanted = *room ? *room * 2 : 64;
    void *bigger = realloc(*items, wanted * size);
    if (!bigger) return 0;
    *items = bigger; *room = wanted;
    return 1;
}

static int open_frame(Walk *walk) {
    if (walk->depth >= MAX_DEPTH) { walk->is_quiet = 1; return 1; }
    if (!grow((void **)&walk->frames, &walk->frames_room, walk->depth, sizeof(Frame))) return 0;
    Frame *frame = &walk->frames[walk->depth++];
    memset(frame, 0, sizeof(Frame));
    frame->lowest = NEVER;
    return 1;
}

/* Shortcuts are in order and apart: one that contains others takes their place. */
static int64_t report(Walk *walk, int64_t index, uint64_t start, uint64_t end, int kind, uint64_t memo, uint64_t lowest) {
    if (walk->is_quiet) return -1;
    size_t count = index < 0 ? walk->shortcuts_count : (size_t)index;
    while (index < 0 && count && walk->shortcuts[(count - 1) * FIELDS] >= start) count--;
    if (count >= MAX_SHORTCUTS) { walk->is_quiet = 1; return -1; }
    if (!grow((void **)&walk->shortcuts, &walk->shortcuts_room, count, FIELDS * sizeof(uint64_t))) {
        walk->state = S_NO_MEMORY;
        return -1;
    }
    uint64_t fields[FIELDS] = {
        start, end, (uint64_t)(kind | (walk->has_memoize ? K_MEMOIZED : 0)), memo, walk->memo, lowest};
    memcpy(walk->shortcuts + count * FIELDS, fields, sizeof(fields));
    walk->shortcuts_count = count + 1;
    return (int64_t)count;
}

/* The stack of this mark went down to `low`: whatever rested on more is gone. */
static void sink(Walk *walk, Frame *frame, int64_t low) {
    if (low < frame->rest_height) frame->rest_start = 0;
    if (low < frame->fills[0].height) frame->fills[0].items = frame->fills[1].items = 0;
    if (low < frame->fills[1].height) frame->fills[1].items = 0;
    if (low < 0 && walk->depth > 1) frame->height = 0;
}

static void take(Walk *walk, Frame *frame, int64_t count) {
    frame->height -= count;
    sink(walk, frame, frame->height);
}

/* What lies on top is filled with `added` more; `position` is behind the operation. */
static void fill(Walk *walk, Frame *frame, int kind, int64_t added, uint64_t position) {
    if (frame->height <= frame->rest_height) frame->rest_start = 0;
    Fill *run = &frame->fills[frame->fills[0].items && frame->fills[0].height != frame->height];
    if (!run->items || run->height != frame->height || run->kind != kind) {
        run->items = 0; run->start = 0; run->height = frame->height; run->kind = kind;
    }
    run->items += added;
    if (run->start < walk->doubt) {
        run->start = run->items >= FILLED_ITEMS ? position : 0;
        run->memo = walk->memo; run->lowest = NEVER; run->index = -1;
    } else if (position - run->start >= walk->min_bytes) {
        run->index = report(walk, run->index, run->start, position, kind, run->memo, run->lowest);
    }
}

/* The innermost mark goes; gives how many items lay above it. */
static int64_t close_frame(Walk *walk, uint64_t position, uint64_t end, int is_plain, int is_paired) {
    Frame *frame = &walk->frames[walk->depth - 1];
    int64_t items = frame->height;
    if (walk->depth == 1) {
        memset(frame, 0, sizeof(Frame));
        frame->lowest = NEVER;
        walk->doubt = end;
        return 0;
    }
    if (is_paired && items % 2) walk->doubt = end;
    else if (is_plain && frame->rest_start >= walk->doubt && position - frame->rest_start >= walk->min_bytes)
        report(walk, -1, frame->rest_start, position, K_REST, frame->rest_memo, frame->rest_lowest);
    Frame *outer = frame - 1;
    walk->depth--;
    if (frame->lowest < outer->lowest) outer->lowest = frame->lowest;
    if (frame->lowest < outer->rest_lowest) outer->rest_lowest = frame->lowest;
    for (int index = 0; index < 2; index++)
        if (frame->lowest < outer->fills[index].lowest) outer->fills[index].lowest = frame->lowest;
    return items;
}

static void recall(Walk *walk, Frame *frame, uint64_t key, uint64_t end) {
    if (key >= walk->memo) { walk->doubt = end; return; }
    if (key < frame->lowest) frame->lowest = key;
    if (key < frame->rest_lowest) frame->rest_lowest = key;
    if (key < frame->fills[0].lowest) frame->fills[0].lowest = key;
    if (key < frame->fills[1].lowest) frame->fills[1].lowest = key;
}

static void put(Walk *walk, uint64_t key, uint64_t end) {
    walk->has_put = 1;
    if (walk->has_memoize) walk->is_quiet = 1;
    if (key == walk->memo) { walk->memo++; return; }
    walk->doubt = end;
    if (key != NEVER && key > walk->memo) walk->memo = key + 1;
}

static int remember_place(Walk *walk, int code, uint64_t position) {
    walk->places_seen++;
    walk->counts[code]++;
    if (walk->places_count >= walk->max_places) return 1;
    if (!grow((void **)&walk->places, &walk->places_room, walk->places_count, sizeof(uint64_t))) return 0;
    walk->places[walk->places_count++] = position;
    return 1;
}

/* What the rarer operations do. */
static void carry_out(Walk *walk, int effect, const unsigned char *text, uint64_t position, uint64_t end) {
    Frame *frame = &walk->frames[walk->depth - 1];
    int64_t items;
    switch (effect) {
    case X_TUPLE1: case X_TUPLE2: case X_TUPLE3: take(walk, frame, effect - X_TUPLE1 + 1); frame->height++; break;
    case X_APPEND: take(walk, frame, 1); fill(walk, frame, K_LIST, 1, end); break;
    case X_SET_ITEM: take(walk, frame, 2); fill(walk, frame, K_DICT, 2, end); break;
    case X_MARK: if (!open_frame(walk)) walk->state = S_NO_MEMORY; break;
    case X_FILL_LIST: case X_FILL_DICT: case X_FILL_SET:
        items = close_frame(walk, position, end, 1, effect == X_FILL_DICT);
        fill(walk, &walk->frames[walk->depth - 1], effect - X_FILL_LIST + K_LIST, items, end);
        break;
    case X_MAKE: case X_MAKE_DICT:
        close_frame(walk, position, end, 1, effect == X_MAKE_DICT);
        walk->frames[walk->depth - 1].height++;
        break;
    case X_POP:
        walk->doubt = end;
        if (frame->height == 0 && walk->depth > 1) close_frame(walk, position, end, 0, 0);
        else take(walk, frame, 1);
        break;
    case X_POP_MARK: walk->doubt = end; close_frame(walk, position, end, 0, 0); break;
    case X_DUP: walk->doubt = end; frame->height++; break;
    case X_PROTOCOL:
        walk->doubt = end;
        if (text[0] > 5) walk->state = S_PROTOCOL;
        else if (text[0] > walk->protocol) walk->protocol = text[0];
        break;
    case X_STOP: walk->state = S_STOPPED; break;
    case X_PUSH_FOREIGN: walk->doubt = end; frame->height++; break;
    case X_TAKE1: case X_TAKE2: case X_TAKE3:
        walk->doubt = end; take(walk, frame, effect - X_TAKE1 + 1); frame->height++;
        break;
    case X_BUILD: walk->doubt = end; take(walk, frame, 1); break;
    case X_CLOSE: walk->doubt = end; close_frame(walk, position, end, 0, 0); walk->frames[walk->depth - 1].height++; break;
    default: walk->doubt = end; break;
    }
}

/* Walks until STOP, a fault, or about `budget` bytes further on. */
static void run(Walk *walk, const unsigned char *data, uint64_t size, uint64_t budget) {
    uint64_t position = walk->position, from = walk->resume > position ? walk->resume : position;
    uint64_t stop = size - from > budget ? from + budget : size;
    while (walk->state == S_RUNNING && position < stop) {
        int code = data[position], form = walk->forms[code], effect = walk->effects[code], state = S_RUNNING;
        uint64_t start = position + 1, length = 0, end = position + 1;
        if (form == F_ILLEGAL) state = S_ILLEGAL;
        else if (form == F_LINE) {
            uint64_t look = walk->resume > start ? walk->resume : start;
            const unsigned char *found = look < stop ? memchr(data + look, '\n', (size_t)(stop - look)) : NULL;
            if (found) { length = (uint64_t)(found - data) - start; end = start + length + 1; walk->resume = 0; }
            else if (stop < size) { walk->resume = stop; break; }
            else state = S_BREAKS_OFF;
        }
        else if (form == F_PAIR) state = pair(data, size, start, &end);
        else if (form != F_NONE) state = argument(form, data, size, start, &start, &length, &end);
        if (effect >= X_PUSH_FOREIGN && !remember_place(walk, code, position)) { walk->state = S_NO_MEMORY; break; }
        if (state != S_RUNNING) { walk->state = state; break; }
        walk->operations++;
        Frame *frame = &walk->frames[walk->depth - 1];
        switch (effect) {
        case X_NOTHING: break;
        case X_PUSH: frame->height++; break;
        case X_TEXT: case X_TEXT_LINE:
            frame->height++;
            if (is_special(data + start, length, effect == X_TEXT_LINE)) walk->doubt = end;
            break;
        case X_MEMOIZE:
            walk->has_memoize = 1; walk->memo++;
            if (walk->has_put) walk->is_quiet = 1;
            break;
        case X_GET:
            frame->height++;
            recall(walk, frame, key_of(form, data + start, length), end);
            break;
        case X_PUT:
            put(walk, key_of(form, data + start, length), end);
            break;
        default: carry_out(walk, effect, data + start, position, end); break;
        }
        frame = &walk->frames[walk->depth - 1];
        if (frame->rest_start < walk->doubt && frame->height >= KEPT_ITEMS && frame->height % 2 == 0 && walk->depth > 1) {
            frame->rest_start = end; frame->rest_height = frame->height;
            frame->rest_memo = walk->memo; frame->rest_lowest = NEVER;
        }
        position = end;
    }
    if (walk->state == S_RUNNING && position >= size) walk->state = S_BREAKS_OFF;
    walk->position = position;
}

static PyObject *walk_new(PyTypeObject *type, PyObject *arguments, PyObject *named) {
    const char *forms, *effects;
    Py_ssize_t forms_length, effects_length;
    unsigned long long position, memo, min_bytes, max_places;
    (void)named;
    if (!PyArg_ParseTuple(arguments, "y#y#KKKK", &forms, &forms_length, &effects, &effects_length, &position, &memo,
                          &min_bytes, &max_places))
        return NULL;
    if (forms_length != 256 || effects_length != 256) {
        PyErr_SetString(PyExc_ValueError, "tables have 256 entries");
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Walk *walk = (Walk *)allocate(type, 0);
    if (!walk) return NULL;
    memcpy(walk->forms, forms, 256);
    memcpy(walk->effects, effects, 256);
    for (int code = 0; code < 256; code++)  /* a wrong table must not lead out of the buffer */
        if (walk->forms[code] > F_PAIR || (walk->effects[code] == X_PROTOCOL && walk->forms[code] != F_ONE))
            walk->forms[code] = F_ILLEGAL;
    walk->position = position; walk->memo = memo; walk->min_bytes = min_bytes; walk->max_places = max_places;
    walk->doubt = 1;
    walk->protocol = -1;
    if (!open_frame(walk)) { Py_DECREF(walk); return PyErr_NoMemory(); }
    return (PyObject *)walk;
}

static void walk_dealloc(PyObject *self) {
    Walk *walk = (Walk *)self;
    PyTypeObject *type = Py_TYPE(self);
    free(walk->frames); free(walk->places); free(walk->shortcuts);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyObject *walk_run(PyObject *self, PyObject *arguments) {
    Walk *walk = (Walk *)self;
    PyObject *view;
    unsigned long long budget;
    Py_buffer buffer;
    if (!PyArg_ParseTuple(arguments, "OK", &view, &budget)) return NULL;
    if (walk->busy) { PyErr_SetString(PyExc_RuntimeError, "walk is under way in another thread"); return NULL; }
    if (PyObject_GetBuffer(view, &buffer, PyBUF_SIMPLE) < 0) return NULL;
    if (walk->position > (uint64_t)buffer.len) walk->state = S_BREAKS_OFF;
    walk->busy = 1;
    Py_BEGIN_ALLOW_THREADS
    if (walk->state == S_RUNNING) run(walk, buffer.buf, (uint64_t)buffer.len, budget);
    Py_END_ALLOW_THREADS
    walk->busy = 0;
    PyBuffer_Release(&buffer);
    if (walk->state == S_NO_MEMORY) return PyErr_NoMemory();
    return PyBool_FromLong(walk->state == S_RUNNING);
}

static PyObject *walk_result(PyObject *self, PyObject *unused) {
    Walk *walk = (Walk *)self;
    (void)unused;
    if (walk->busy) { PyErr_SetString(PyExc_RuntimeError, "walk is under way in another thread"); return NULL; }
    return Py_BuildValue(
        "(iKKKiKy#y#y#)", walk->state, (unsigned long long)walk->position, (unsigned long long)walk->memo,
        (unsigned long long)walk->operations, walk->protocol, (unsigned long long)walk->places_seen,
        (const char *)walk->counts, (Py_ssize_t)sizeof(walk->counts),
        walk->places ? (const char *)walk->places : "", (Py_ssize_t)(walk->places_count * sizeof(uint64_t)),
        walk->shortcuts ? (const char *)walk->shortcuts : "",
        (Py_ssize_t)(walk->shortcuts_count * FIELDS * sizeof(uint64_t)));
}

static PyObject *walk_position(PyObject *self, void *unused) {
    (void)unused;
    Walk *walk = (Walk *)self;
    return PyLong_FromUnsignedLongLong(walk->resume > walk->position ? walk->resume : walk->position);
}

/* One step within a stretch that a walk has reported; 0 when the bytes are no longer what they were. */
static int step(const unsigned char *forms, const unsigned char *data, uint64_t size, uint64_t position, uint64_t *start,
                uint64_t *length, uint64_t *end) {
    int form = forms[data[position]];
    *start = *end = position + 1;
    *length = 0;
    if (form == F_NONE) return 1;
    if (form == F_ILLEGAL || form == F_PAIR || form > F_PAIR) return 0;
    if (form != F_LINE) return argument(form, data, size, position + 1, start, length, end) == S_RUNNING;
    const unsigned char *found = *start < size ? memchr(data + *start, '\n', (size_t)(size - *start)) : NULL;
    if (!found) return 0;
    *length = (uint64_t)(found - data) - *start;
    *end = *start + *length + 1;
    return 1;
}

static int contains(const uint64_t *keys, size_t count, uint64_t key) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (keys[middle] < key) low = middle + 1; else high = middle;
    }
    return low < count && keys[low] == key;
}

static PyObject *recalls(PyObject *module, PyObject *arguments) {
    const char *forms, *effects;
    Py_ssize_t forms_length, effects_length;
    unsigned long long position, stop;
    Py_buffer data, keys;
    int found = 0;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "y#y#y*KKy*", &forms, &forms_length, &effects, &effects_length, &data, &position,
                          &stop, &keys))
        return NULL;
    if (forms_length != 256 || effects_length != 256 || keys.len < 8 || keys.len % 8 || (uintptr_t)keys.buf % 8) {
        PyErr_SetString(PyExc_ValueError, "tables have 256 entries, and keys end with one of their own");
        found = -1;
    } else {
        Py_BEGIN_ALLOW_THREADS
        const unsigned char *bytes = data.buf;
        uint64_t start, length, end, size = (uint64_t)data.len, at = position;
        size_t count = (size_t)(keys.len / 8) - 1;
        while (!found && at < stop && at < size) {
            int code = bytes[at];
            if (!step((const unsigned char *)forms, bytes, size, at, &start, &length, &end)) { found = 1; break; }
            if (effects[code] == X_GET) {
                found = contains(keys.buf, count, key_of(forms[code], bytes + start, length));
            }
            at = end;
        }
        position = at;
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&data);
    PyBuffer_Release(&keys);
    return found < 0 ? NULL : Py_BuildValue("(KN)", position, PyBool_FromLong(found));
}

/* With `every` 1: where the text of each memoized value lies, NEVER for what is no text. With more: where to go on after
 * each so many values. `count` were seen before `position`. */
static PyObject *writes(PyObject *module, PyObject *arguments) {
    const char *forms, *effects;
    Py_ssize_t forms_length, effects_length;
    unsigned long long position, stop, limit, every, count;
    Py_buffer data;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "y#y#y*KKKKK", &forms, &forms_length, &effects, &effects_length, &data, &position,
                          &stop, &limit, &every, &count))
        return NULL;
    uint64_t *out = NULL;
    size_t out_count = 0, room = 0;
    int is_short = 0;
    if (forms_length != 256 || effects_length != 256 || !every) {
        PyErr_SetString(PyExc_ValueError, "tables have 256 entries");
        PyBuffer_Release(&data);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    const unsigned char *bytes = data.buf;
    uint64_t start, length, end, size = (uint64_t)data.len, at = position, text = NEVER;
    while (at < stop && at < size && out_count < limit) {
        int code = bytes[at], effect = effects[code];
        if (!step((const unsigned char *)forms, bytes, size, at, &start, &length, &end)) break;
        if (effect == X_MEMOIZE || effect == X_PUT) {
            if ((count + 1) % every == 0) {
                if (!grow((void **)&out, &room, out_count, sizeof(uint64_t))) { is_short = 1; break; }
                out[out_count++] = every == 1 ? text : end;
            }
            count++;
        }
        if (effect == X_TEXT || effect == X_TEXT_LINE) text = at;
        else if (effect != X_NOTHING) text = NEVER;
        at = end;
    }
    position = at;
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&data);
    PyObject *answer = is_short ? PyErr_NoMemory() : Py_BuildValue(
        "(KKy#)", position, count, out ? (const char *)out : "", (Py_ssize_t)(out_count * sizeof(uint64_t)));
    free(out);
    return answer;
}

/* Where a view starts within another one; -1 when it does not lie in it. */
static PyObject *offset(PyObject *module, PyObject *arguments) {
    Py_buffer inner, outer;
    long long answer = -1;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "y*y*", &inner, &outer)) return NULL;
    uintptr_t part = (uintptr_t)inner.buf, whole = (uintptr_t)outer.buf;
    if (part >= whole && part - whole <= (uintptr_t)outer.len && inner.len <= outer.len - (Py_ssize_t)(part - whole))
        answer = (long long)(part - whole);
    PyBuffer_Release(&inner);
    PyBuffer_Release(&outer);
    return PyLong_FromLongLong(answer);
}

static PyMethodDef walk_methods[] = {
    {"run", walk_run, METH_VARARGS, "Walk about so many bytes further; whether there is more."},
    {"result", walk_result, METH_NOARGS, "What was found so far."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef walk_values[] = {
    {"position", walk_position, NULL, "How far the bytes were looked at.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot walk_slots[] = {
    {Py_tp_new, walk_new}, {Py_tp_dealloc, walk_dealloc}, {Py_tp_methods, walk_methods}, {Py_tp_getset, walk_values},
    {0, NULL},
};
static PyType_Spec walk_spec = {
    "keelmark.formats.models.pickle._walk.Walk", sizeof(Walk), 0, Py_TPFLAGS_DEFAULT, walk_slots};

static int fill_module(PyObject *module) {
    PyObject *type = PyType_FromSpec(&walk_spec);
    int failed = !type || PyModule_AddObjectRef(module, "Walk", type) < 0;
    Py_XDECREF(type);
    return failed || PyModule_AddIntConstant(module, "VERSION", VERSION) < 0 ? -1 : 0;
}

static PyMethodDef functions[] = {
    {"recalls", recalls, METH_VARARGS, "Whether a stretch recalls one of these memo keys."},
    {"writes", writes, METH_VARARGS, "Places of memoized texts in a stretch."},
    {"offset", offset, METH_VARARGS, "Where a view starts within another one."},
    {NULL, NULL, 0, NULL},
};
static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill_module}, {0, NULL}};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_walk", "Walks pickles at the speed of memory.", 0, functions,
                                 slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__walk(void) { return PyModuleDef_Init(&definition); }
