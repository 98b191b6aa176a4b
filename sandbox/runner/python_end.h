/*
 * What the hook of a waiting Python (../prewarm/python) hands over to python_end.c: it puts a tuple of these items, in
 * this order, into the `sys` module, by this name, and calls os.sched_get_priority_max() with a number that is no
 * scheduling policy. The answer is 0, and in the place of the tuple is then an object that says by `module in object`
 * whether the module is one that was loaded beforehand. Without the library, or where it cannot act, the call fails as
 * it does in the kernel.
 */
#ifndef MATCHBOX_PYTHON_END_H
#define MATCHBOX_PYTHON_END_H

#define PYTHON_END_NAME "_matchbox"
#define PYTHON_END_BEGIN 0x4d42

enum python_end_item {
    PYTHON_END_NONE,        /* None */
    PYTHON_END_TRUE,        /* True */
    PYTHON_END_FALSE,       /* False */
    PYTHON_END_QUESTIONS,   /* pairs of a function and its arguments: all answer None while nothing watches Python */
    PYTHON_END_GET_OBJECTS, /* gc.get_objects */
    PYTHON_END_FREEZE,      /* gc.freeze */
    PYTHON_END_COLLECTOR_FUNCTIONS, /* gc.callbacks */
    PYTHON_END_PLAIN_TYPES,  /* types whose instances hold nothing open, and have no finaliser unless they are given one
                              */
    PYTHON_END_MAIN,         /* the namespace of __main__ */
    PYTHON_END_SYS,          /* the namespace of sys */
    PYTHON_END_EXCEPTHOOK,   /* sys.excepthook */
    PYTHON_END_STDOUT,       /* sys.stdout */
    PYTHON_END_STDERR,       /* sys.stderr */
    PYTHON_END_FLUSH,        /* the method of their type */
    PYTHON_END_STREAM_DICTS, /* what hides methods of theirs, if anything is in it */
    PYTHON_END_MODULES,      /* sys.modules */
    PYTHON_END_LOADED,       /* what was loaded before the program, by name */
    PYTHON_END_KEPT,         /* the part of it that a plain start would not have loaded */
    PYTHON_END_MAY_LEAVE,    /* whether all of that can do without its own end */
    PYTHON_END_TAKE,         /* function of a module and whether Python is watched: puts what was loaded in its place */
    PYTHON_END_CANNOT_LOAD_TWICE, /* whether some of that cannot be loaded once more */
    PYTHON_END_ITEMS
};

#endif
