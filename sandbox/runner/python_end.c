/*
 * Loaded with the exit notice, for a Python that waits: what of ours is there while the program runs and when it ends.
 * It is C, because whatever is Python can be looked at, traced, interrupted and redefined by the program; here are no
 * names that it could give another meaning, no frames, no exit function. In a process that is no Python nothing of this
 * acts.
 *
 * The hook in ../prewarm/python hands over what this needs (python_end.h), before there is a program.
 */
#include "python_end.h"

#include "exit_notice.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of Python's stable interface; an object is never looked into. */
struct slot {
    int slot;
    void *function;
};
struct type_spec {
    const char *name;
    int basic_size;
    int item_size;
    unsigned int flags;
    const struct slot *slots;
};
#define SQ_CONTAINS 41

extern int PyDict_DelItem(void *dict, void *key);
extern void *PyDict_GetItem(void *dict, void *key);
extern void *PyDict_GetItemString(void *dict, const char *key);
extern int PyDict_Next(void *dict, ssize_t *position, void **key, void **value);
extern ssize_t PyDict_Size(void *dict);
extern void PyErr_Clear(void);
extern int PyGC_Disable(void);
extern int PyGC_Enable(void);
extern void *PyList_GetItem(void *list, ssize_t index);
extern ssize_t PyList_Size(void *list);
extern void *PyObject_CallFunctionObjArgs(void *callable, ...);
extern void *PyObject_CallObject(void *callable, void *arguments);
extern void *PyObject_GetAttrString(void *object, const char *name);
extern int PyObject_IsTrue(void *object);
extern void *PyObject_Type(void *object);
extern void *PySys_GetObject(const char *name);
extern int PySys_SetObject(const char *name, void *value);
extern void *PyTuple_GetItem(void *tuple, ssize_t index);
extern ssize_t PyTuple_Size(void *tuple);
extern void *PyType_FromSpec(const struct type_spec *spec);
extern void Py_DecRef(void *object);
extern void Py_IncRef(void *object);
extern int Py_IsFinalizing(void);
extern int _Py_IsFinalizing(void);
#pragma weak PyDict_DelItem
#pragma weak PyDict_GetItem
#pragma weak PyDict_GetItemString
#pragma weak PyDict_Next
#pragma weak PyDict_Size
#pragma weak PyErr_Clear
#pragma weak PyGC_Disable
#pragma weak PyGC_Enable
#pragma weak PyList_GetItem
#pragma weak PyList_Size
#pragma weak PyObject_CallFunctionObjArgs
#pragma weak PyObject_CallObject
#pragma weak PyObject_GetAttrString
#pragma weak PyObject_IsTrue
#pragma weak PyObject_Type
#pragma weak PySys_GetObject
#pragma weak PySys_SetObject
#pragma weak PyTuple_GetItem
#pragma weak PyTuple_Size
#pragma weak PyType_FromSpec
#pragma weak Py_DecRef
#pragma weak Py_IncRef
#pragma weak Py_IsFinalizing
#pragma weak _Py_IsFinalizing

#pragma weak dlsym
#pragma weak exit
#pragma weak fcntl
#pragma weak stdout
#pragma weak syscall

/* What the C library calls these besides: the GNU one, and for fflush() musl's. */
extern int _IO_fflush(FILE *stream);
extern int fflush_unlocked(FILE *stream);
extern int __sigaction(int number, const struct sigaction *action, struct sigaction *before);
#pragma weak _IO_fflush
#pragma weak fflush_unlocked
#pragma weak __sigaction

#define MAX_STREAM_DICTS 8

static void *given; /* the tuple of python_end.h; NULL: nobody waits in here */
static ssize_t stream_dict_sizes[MAX_STREAM_DICTS];
static bool has_flushed_stdout;

static void *item(enum python_end_item which) {
    return PyTuple_GetItem(given, which);
}

/* Calls for nothing but whether the answer is None. */
static bool answers_none(void *callable, void *arguments) {
    void *const answer = PyObject_CallObject(callable, arguments);
    if (answer == NULL) {
        PyErr_Clear();
        return false;
    }
    Py_DecRef(answer);
    return answer == item(PYTHON_END_NONE);
}

/* Whether neither a trace, profile or audit function nor a tool of sys.monitoring sees what Python does. */
static bool is_unwatched(void) {
    void *const questions = item(PYTHON_END_QUESTIONS);
    for (ssize_t i = 0; i < PyTuple_Size(questions); i++) {
        void *const question = PyTuple_GetItem(questions, i);
        if (!answers_none(PyTuple_GetItem(question, 0), PyTuple_GetItem(question, 1))) {
            return false;
        }
    }
    return true;
}

static bool is_one_of(void *object, void *tuple) {
    for (ssize_t i = 0; i < PyTuple_Size(tuple); i++) {
        if (PyTuple_GetItem(tuple, i) == object) {
            return true;
        }
    }
    return false;
}

/* Whether all that came into being since the interpreter waited is of these types, which have no finaliser. */
static bool has_left_plain_data_only(void) {
    void *const types = item(PYTHON_END_PLAIN_TYPES);
    for (ssize_t i = 0; i < PyTuple_Size(types); i++) {
        void *const finaliser = PyObject_GetAttrString(PyTuple_GetItem(types, i), "__del__");
        if (finaliser != NULL) {
            Py_DecRef(finaliser);
            return false;
        }
        PyErr_Clear();
    }
    void *const objects = PyObject_CallObject(item(PYTHON_END_GET_OBJECTS), NULL);
    if (objects == NULL) {
        PyErr_Clear();
        return false;
    }
    bool is_plain = true;
    for (ssize_t i = 0; is_plain && i < PyList_Size(objects); i++) {
        void *const type = PyObject_Type(PyList_GetItem(objects, i));
        is_plain = is_one_of(type, types);
        Py_DecRef(type);
    }
    Py_DecRef(objects);
    return is_plain;
}

/*
 * Whether the program came to its last line. Then Python takes `__file__` out of `__main__`, as it does after an
 * exception, which it keeps (the hook that shows it may be the program's), and not after a SystemExit, whose code
 * nobody could know.
 */
static bool has_succeeded(void) {
    void *const sys = item(PYTHON_END_SYS);
    return !has_flushed_stdout && PyDict_GetItemString(item(PYTHON_END_MAIN), "__file__") == NULL &&
           PyDict_GetItemString(sys, "last_value") == NULL && PyDict_GetItemString(sys, "last_exc") == NULL &&
           PyDict_GetItemString(sys, "excepthook") == item(PYTHON_END_EXCEPTHOOK);
}

/* Whether a stream is Python's own still, with nothing put in the place of its methods, and nothing is left to be
 * written. */
static bool is_written(void *stream, const char *name, int descriptor) {
    const int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || (flags & O_NONBLOCK) != 0 || PyDict_GetItemString(item(PYTHON_END_SYS), name) != stream) {
        return false;
    }
    /* Python has done this a moment ago. Where that failed this fails too, and the exit code is to tell of it. */
    void *const answer = PyObject_CallFunctionObjArgs(item(PYTHON_END_FLUSH), stream, NULL);
    if (answer == NULL) {
        PyErr_Clear();
        return false;
    }
    Py_DecRef(answer);
    return true;
}

static bool are_streams_written(void) {
    void *const dicts = item(PYTHON_END_STREAM_DICTS);
    for (ssize_t i = 0; i < PyTuple_Size(dicts); i++) {
        if (PyDict_Size(PyTuple_GetItem(dicts, i)) != stream_dict_sizes[i]) {
            return false;
        }
    }
    return is_written(item(PYTHON_END_STDOUT), "stdout", 1) && is_written(item(PYTHON_END_STDERR), "stderr", 2);
}

/* What was there before the program need not be taken apart, object by object, where nothing of the program's could
 * tell. */
static void leave_alone_what_was_there(void) {
    void *const modules = item(PYTHON_END_MODULES);
    void *name, *module;
    for (ssize_t position = 0; PyDict_Next(item(PYTHON_END_LOADED), &position, &name, &module) != 0;) {
        if (PyDict_GetItem(modules, name) == module) {
            (void)PyDict_DelItem(modules, name);
        }
    }
    (void)answers_none(item(PYTHON_END_FREEZE), NULL);
}

/*
 * What is held here would else outlive its time: a module that is only in `sys.modules` goes in another way than one
 * that is alive elsewhere. What no program has seen stays for good, so that nobody waits until it is taken apart.
 */
static void let_go(void) {
    void *const kept = item(PYTHON_END_KEPT);
    void *name, *module;
    for (ssize_t position = 0; PyDict_Next(item(PYTHON_END_LOADED), &position, &name, &module) != 0;) {
        if (PyDict_GetItem(item(PYTHON_END_MODULES), name) == module && PyDict_GetItem(kept, name) == module) {
            (void)PyDict_DelItem(kept, name);
        }
    }
    Py_IncRef(kept);
    void *const tuple = given;
    given = NULL;
    Py_DecRef(tuple);
}

/*
 * The program and its exit functions are through, no other thread comes to run any more, the standard streams are
 * written out, and Python is about to take apart what there is.
 */
static void on_python_end(void) {
    const bool has_collector_functions = PyList_Size(item(PYTHON_END_COLLECTOR_FUNCTIONS)) != 0;
    if (!exit_notice_is_alone() || has_collector_functions || !is_unwatched()) {
        return;
    }
    const int collects = PyGC_Disable(); /* nothing is to be finalised by a look */
    const bool is_plain = has_left_plain_data_only();
    if (collects != 0) {
        (void)PyGC_Enable();
    }
    if (!is_plain) {
        return;
    }
    if (PyObject_IsTrue(item(PYTHON_END_MAY_LEAVE)) == 1 && has_succeeded() && are_streams_written()) {
        exit(0);
    }
    leave_alone_what_was_there();
}

/* `module in kept`: whether it is one that was loaded beforehand, and what that is has taken its place in sys.modules.
 */
static int contains(void *self, void *module) {
    (void)self;
    if (given == NULL) {
        return 0; /* it is too late */
    }
    const bool is_watched = !is_unwatched();
    if (is_watched && PyObject_IsTrue(item(PYTHON_END_CANNOT_LOAD_TWICE)) != 1) {
        return 0; /* no frame of ours for those who look */
    }
    void *const answer = PyObject_CallFunctionObjArgs(item(PYTHON_END_TAKE), module,
                                                      item(is_watched ? PYTHON_END_TRUE : PYTHON_END_FALSE), NULL);
    if (answer == NULL) {
        return -1;
    }
    const int is_kept = PyObject_IsTrue(answer);
    Py_DecRef(answer);
    return is_kept;
}

/* Takes what the hook gives, and gives it the object that contains() is of. */
static bool begin(void) {
    static const struct slot slots[] = {{SQ_CONTAINS, (void *)contains}, {0, NULL}};
    static const struct type_spec kept = {.name = "_frozen_importlib_external._Kept", .slots = slots};
    void *const tuple = PySys_GetObject(PYTHON_END_NAME);
    if (tuple == NULL || PyTuple_Size(tuple) != PYTHON_END_ITEMS) {
        PyErr_Clear();
        return false;
    }
    Py_IncRef(tuple); /* in a moment sys has it no more */
    void *const type = PyType_FromSpec(&kept);
    void *const object = type == NULL ? NULL : PyObject_CallObject(type, NULL);
    if (object == NULL || PySys_SetObject(PYTHON_END_NAME, object) != 0) {
        PyErr_Clear();
        return false;
    }
    given = tuple;
    void *const dicts = item(PYTHON_END_STREAM_DICTS);
    for (ssize_t i = 0; i < PyTuple_Size(dicts) && i < MAX_STREAM_DICTS; i++) {
        stream_dict_sizes[i] = PyDict_Size(PyTuple_GetItem(dicts, i));
    }
    return true;
}

static bool is_python_known(void) {
    return PyDict_DelItem != NULL && PyDict_GetItem != NULL && PyDict_GetItemString != NULL && PyDict_Next != NULL &&
           PyDict_Size != NULL && PyErr_Clear != NULL && PyGC_Disable != NULL && PyGC_Enable != NULL &&
           PyList_GetItem != NULL && PyList_Size != NULL && PyObject_CallFunctionObjArgs != NULL &&
           PyObject_CallObject != NULL && PyObject_GetAttrString != NULL && PyObject_IsTrue != NULL &&
           PyObject_Type != NULL && PySys_GetObject != NULL && PySys_SetObject != NULL && PyTuple_GetItem != NULL &&
           PyTuple_Size != NULL && PyType_FromSpec != NULL && Py_DecRef != NULL && Py_IncRef != NULL &&
           (Py_IsFinalizing != NULL || _Py_IsFinalizing != NULL) && fcntl != NULL;
}

/* A C function that Python can call without importing anything, with any number, and that fails where this is not
 * loaded. */
int sched_get_priority_max(int policy) {
    if (policy != PYTHON_END_BEGIN) {
        return (int)syscall(SYS_sched_get_priority_max, policy);
    }
    if (given == NULL && exit_notice_is_alone() && is_python_known() && begin()) {
        return 0;
    }
    errno = EINVAL;
    return -1;
}

/* Python writes out stdout by fflush() where a SystemExit ends the program, and only there. */
int fflush(FILE *stream) {
    if (&stdout != NULL && stream == stdout) {
        has_flushed_stdout = true;
    }
    return _IO_fflush != NULL ? _IO_fflush(stream) : fflush_unlocked(stream);
}

static bool is_finalizing(void) {
    return (Py_IsFinalizing != NULL ? Py_IsFinalizing() : _Py_IsFinalizing()) != 0;
}

/* At its end Python takes its handler of SIGINT away; that is the moment. A program may have done so before: then it is
 * missed. */
int sigaction(int number, const struct sigaction *restrict action, struct sigaction *restrict before) {
    if (given != NULL && number == SIGINT && action != NULL && action->sa_handler == SIG_DFL && is_finalizing()) {
        on_python_end();
        let_go();
    }
    if (__sigaction != NULL) {
        return __sigaction(number, action, before);
    }
    int (*const next)(int, const struct sigaction *, struct sigaction *) =
        (int (*)(int, const struct sigaction *, struct sigaction *))dlsym(RTLD_NEXT, "sigaction");
    return next(number, action, before);
}
