import sys

sys.stdout.buffer.write(bytes(range(256)) * 4)
sys.stdout.buffer.flush()
sys.stderr.buffer.write(b"\xff\xfe\x00invalid\x80")
print("\0 in text \x1b[31m colours \x1b[0m \r carriage \b \x07")
