print("last line has no newline")
raise SystemExit("bye")