import logging
import sys

logging.debug("not shown")
logging.warning("root without set-up")
log = logging.getLogger("app.part")
log.error("an error with %s", "arguments")
logging.basicConfig(stream=sys.stdout, level=logging.DEBUG, force=True, format="%(levelname)s %(name)s %(module)s:%(lineno)d %(funcName)s %(processName)s %(threadName)s %(message)s")


def work():
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("in work")


work()
log.info("stack", stack_info=True)
log.info("wrong %d", "x")
logging.shutdown()
