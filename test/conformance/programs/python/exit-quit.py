# quit, exit and their words are those that site makes.
print(quit, exit, copyright, sep="\n")
try:
    quit(1)
except SystemExit as error:
    print("code", error.code)
print(sys if "sys" in globals() else "no sys")
exit("done")
