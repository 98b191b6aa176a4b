import decimal
import fractions
import math
import statistics
import sys

print(sys.get_int_max_str_digits(), sys.int_info, sys.float_info.dig, sys.hash_info.width)
print(2**200, -7 // 2, -7 % 3, divmod(7.5, 2), round(2.5), 0.1 + 0.2, 1e308 * 10, math.nan, hash(1.0) == hash(1))
print(math.factorial(50), math.isqrt(10**40), math.comb(50, 25), math.fsum([0.1] * 10))
print(decimal.Decimal(1) / 3, fractions.Fraction(3, 9), statistics.stdev([1, 2, 3, 4]))
print(f"{1234567.891:,.2f} {255:#x} {3.5:>10} {'é':^7}| {1e-10:g} {10**20:e} {0.5:%}")
try:
    print(int("9" * 5000))
except ValueError as error:
    print(error)
print(10**5000)
