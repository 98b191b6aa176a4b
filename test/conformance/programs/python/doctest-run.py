"""Examples of which one is wrong.

>>> double(2)
4
>>> double("ab")
'ab'
>>> double(None)
Traceback (most recent call last):
TypeError: unsupported operand type(s) for *: 'NoneType' and 'int'
"""
import doctest


def double(value):
    """
    >>> double(1.5)
    3.0
    """
    return value * 2


print(doctest.testmod(verbose=False))
